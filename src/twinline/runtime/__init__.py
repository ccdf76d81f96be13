"""What a build contains: everything that runs a session, and nothing that outlives a build.

Public face: `twinline.runtime.worker` (the process), `twinline.runtime.session` (the engine) and
`twinline.runtime.grammar`. It meets the control plane on the bus only.
"""
