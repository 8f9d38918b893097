"""Asks somebody a question whose answer a machine waits for, and says how to give that answer.

This one prints the message, so that it stands in the activation's logs; a real one would send it by mail or chat. What
it returns is of no interest: the machine goes on with what is posted to the continuation.
"""

import json

ENDPOINT = "http://127.0.0.1:8083"


def main(params: dict[str, str]) -> dict[str, str]:
    """Compose the message from `question`, `to`, `token` (the continuation) and `endpoint` (the daemon's address)."""
    link = f"{params.get('endpoint', ENDPOINT)}/continuations/{params['token']}"
    message = "\n".join(
        [
            f"To: {params.get('to', 'whom it may concern')}",
            f"Subject: {params['question']}",
            "",
            f"What is waited for, since when and until when: {link}",
            "To answer:",
            *(
                f"  curl -d '{json.dumps({'approved': approved})}' -H 'Content-Type: application/json' {link}"
                for approved in (True, False)
            ),
        ]
    )
    print(message)  # noqa: T201 - what an action prints is its log
    return {"message": message}
