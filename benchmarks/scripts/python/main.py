result = ask("Which colour, red or blue?", {"choices": "red, blue", "timeout": 60})
say("You chose " + result.value + ".")
