"""The back office of the platform: operators, catalogue, players; for platform admins alone."""

from litestar import Router

from api.routes import (
    admin_games,
    admin_operators,
    admin_players,
    admin_rewards,
    affiliates,
    jobs,
    reconciliation,
)
from api.tenancy import requires_platform

router = Router(
    "/admin",
    route_handlers=[
        admin_operators.router,
        admin_games.router,
        admin_players.router,
        admin_rewards.router,
        affiliates.admin_router,
        jobs.router,
        reconciliation.router,
    ],
    guards=[requires_platform],
    tags=["platform"],
)
