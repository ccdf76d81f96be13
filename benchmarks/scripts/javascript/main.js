var result = ask("Which colour, red or blue?", {choices: "red, blue", timeout: 60, attempts: 2});
say("You chose " + result.value + ".");
