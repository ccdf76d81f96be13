"""The walk: Twinline's main job, done once for real and told as it happens.

`python -m walk` starts a platform, two example applications with the service they look things up in, and a carrier.
Then it takes the seven steps from a first build to a promotion and back, only by what a user has: the `twinline`
command and HTTP. Each step checks what came of it: it is the demonstration, and a test of the whole.
"""
