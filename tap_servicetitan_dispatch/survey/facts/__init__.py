"""The facts: what the tap believes about the API, each with a way to check it."""

from tap_servicetitan_dispatch.survey.facts import access, capacity, feed, lists, marts, rows
from tap_servicetitan_dispatch.survey.verdicts import Fact

FACTS: tuple[Fact, ...] = tuple(
    value
    for module in (feed, lists, rows, access, capacity, marts)
    for value in vars(module).values()
    if isinstance(value, Fact)
)
