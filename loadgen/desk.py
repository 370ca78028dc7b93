"""The operators' desks as locust users: they decide the bots' withdrawals, and nobody else's."""

from typing import Any, ClassVar

from locust import between, task

from loadgen import behaviour
from loadgen.api_user import ApiUser

_PAGE = 50


class DeskUser(ApiUser):
    """An operator's admin who approves, and now and then rejects. Subclassed once per operator."""

    abstract = True
    fixed_count = 1
    wait_time = between(3, 6)

    admin: ClassVar[dict[str, str]]
    slug: ClassVar[str]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment, self.slug, self.admin["login"], self.admin["password"])

    def on_start(self) -> None:
        """Log in."""
        self.log_in()

    def on_stop(self) -> None:
        """Log out."""
        self.log_out()

    @task
    def decide(self) -> None:
        """Decide every pending withdrawal of a bot; people's wait for a person."""
        path = f"/operator/withdrawals?status=PENDING&limit={_PAGE}"
        pending = self.ask("GET", path, name="/operator/withdrawals")
        if pending.verdict != "ok":
            return
        for withdrawal in pending.body["items"]:
            if withdrawal["is_bot"]:
                self._decide(f"/operator/withdrawals/{withdrawal['transaction_id']}")

    def _decide(self, path: str) -> None:
        name = "/operator/withdrawals/{id}"
        if behaviour.approves(self.rng):
            answer = self.ask("POST", f"{path}/approve", name=f"{name}/approve")
            if answer.code != "withdrawal_not_allowed":
                return
        reason = {"reason": "Please send us a proof of address first."}
        self.ask("POST", f"{path}/reject", reason, name=f"{name}/reject")
