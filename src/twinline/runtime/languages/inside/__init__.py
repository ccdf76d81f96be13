"""What runs inside the sandbox, under the scripts' own interpreters (Python 3.8 or later, Node.js 20 or later).

Standard library alone, and no import of Twinline: these files are mounted there by themselves.
"""
