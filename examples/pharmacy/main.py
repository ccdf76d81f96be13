# Harbour Pharmacy by SMS: refill a prescription, ask how it stands, or stop the messages.

import json
import urllib.error
import urllib.request

LOOKUP = "http://127.0.0.1:8190"
PHARMACIST = "+15550142"


def prescription(number):
    """What the pharmacy knows of a prescription, or None."""
    try:
        with urllib.request.urlopen(LOOKUP + "/prescriptions/" + number, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


def ask_number():
    """Which prescription it is about; None after three tries."""
    answer = ask(
        "What is the four-digit number on the label?",
        {
            "choices": "[4 DIGITS]",
            "attempts": 3,
            "timeout": 120,
            "onBadChoice": lambda event: say("That is not a four-digit number."),
            "onTimeout": lambda event: say("Are you still there?"),
        },
    )
    return answer.value if answer.name == "choice" else None


def refill():
    number = ask_number()
    if number is None:
        say("We could not find out which prescription you mean. Please call us on 555 0142.")
        return
    found = prescription(number)
    if found is None:
        say("We have no prescription " + number + ". Please call us on 555 0142.")
    elif found["refills"] == 0:
        say(found["medicine"] + " has no refills left. Please see your doctor.")
    else:
        sure = ask(
            "Refill " + found["medicine"] + "? YES or NO.",
            {"choices": "yes(yes, y, ok, please), no(no, n)", "attempts": 2, "timeout": 120},
        )
        if sure.name == "choice" and sure.value == "yes":
            message(
                "Refill " + number + ", " + found["medicine"] + ", for " + str(currentCall.callerID),
                {"to": PHARMACIST, "network": "SMS"},
            )
            log("refill of " + number + " ordered")
            say("Done. It is ready " + found["ready"] + ".")
        else:
            say("Nothing was ordered.")


def status():
    number = ask_number()
    found = prescription(number) if number else None
    if found is None:
        say("We have no such prescription.")
    else:
        say(found["medicine"] + ": ready " + found["ready"] + ", " + str(found["refills"]) + " refills left.")


def stop():
    log("no more messages to " + str(currentCall.callerID))
    say("You will get no more messages from Harbour Pharmacy.")


def not_understood(event):
    # The first message may be any greeting: only what answers our question can be a mistake.
    if event.attempt > 1:
        say("Sorry, we did not understand that.")


choice = ask(
    "Harbour Pharmacy. Text REFILL, STATUS or STOP.",
    {
        "choices": "refill(refill, renew, 1), status(status, 2), stop(stop, unsubscribe, 3)",
        "attempts": 3,
        "timeout": 300,
        "onBadChoice": not_understood,
    },
)

if choice.name == "choice":
    {"refill": refill, "status": status, "stop": stop}[choice.value]()
else:
    log("gave up: " + choice.name)
