"""The words of Twinline as frozen types, without I/O.

Every other wing speaks in these: builds, applications, messages, transcripts, releases and rehearsals. Nothing here
imports anything of ours outside this package.
"""
