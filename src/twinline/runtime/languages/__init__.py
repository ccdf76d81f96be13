"""Hosts for hosted scripts: their protocol, and the sandbox they run in (`docs/language-hosts.md`).

Public face: `twinline.runtime.languages.sandbox` (what a worker opens scripts with) and
`twinline.runtime.languages.protocol` (what it then says and hears). `inside/` runs in the sandbox, under the scripts'
own interpreters, and imports nothing of ours.
"""
