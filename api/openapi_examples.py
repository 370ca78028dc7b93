"""Request bodies for the OpenAPI document; every one is valid as it stands."""

from typing import Any

EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/auth/register"): {
        "operator": "meridian",
        "email": "ada@example.org",
        "username": "ada.l",
        "password": "correct horse battery",
    },
    ("POST", "/auth/login"): {
        "operator": "meridian",
        "login": "ada.l",
        "password": "correct horse battery",
        "transport": "bearer",
    },
    ("POST", "/deposits"): {"amount": 5000, "method": "card"},
    ("POST", "/game/spin"): {"game_id": 1, "wager": 100, "client_seed": "my-own-words"},
    ("POST", "/webhooks/payments/{provider}"): {
        "type": "deposit.completed",
        "data": {
            "transaction_id": "01926c3e-7a54-7c1e-9f0a-5a1d5f0c8b11",
            "amount": 5000,
            "currency": "EUR",
        },
    },
    ("POST", "/admin/operators"): {
        "slug": "meridian",
        "name": "Meridian",
        "currency": "EUR",
        "time_zone": "Europe/Malta",
    },
    ("POST", "/admin/operators/{number}/admins"): {
        "username": "grace",
        "email": "grace@example.org",
        "password": "correct horse battery",
    },
    ("POST", "/admin/categories"): {"slug": "slots", "name": "Slots"},
    ("POST", "/admin/games"): {
        "slug": "three-bells",
        "name": "Three Bells",
        "provider": "Example Games",
        "category_id": 1,
        "rtp_bps": 9600,
        "paytable": [[0, 358], [100, 500], [200, 120], [1000, 22]],
        "wager_step": 1,
        "min_wager": 10,
        "max_wager": 10_000,
    },
    ("POST", "/admin/players"): {
        "operator_id": 1,
        "username": "bot-1",
        "email": "bot-1@example.org",
        "password": "correct horse battery",
        "is_bot": True,
    },
    ("POST", "/admin/players/bulk"): {
        "operator_id": 1,
        "password": "correct horse battery",
        "is_bot": True,
        "players": [{"username": "bot-2", "email": "bot-2@example.org"}],
    },
    ("POST", "/operator/rtp-alerts/{alert_id}/acknowledge"): {
        "note": "The paytable was loaded wrongly; the game is off."
    },
}
"""By method and path."""
