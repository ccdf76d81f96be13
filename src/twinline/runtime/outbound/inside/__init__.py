"""What is mounted into sandboxes: the relay to the proxy, and what turns each language's HTTP clients to it.

These files run under the interpreters of the scripts, alone: they import nothing of Twinline.
"""
