"""Checks of one commons: token, schema, people who may decide, and decisions that are half done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from bot.health.facts import AGAIN, CheckResult, CommonsFacts, Ratings, State, Unread, count
from bot.model.ids import Commons, Handle, User
from bot.model.journal import PARKED
from bot.model.ledger import INDISPENSABLE, PRIMARY_KEYS, Completion
from bot.model.mark import MarkKind, read_mark
from bot.model.policy import Decisions, RatingStyle
from bot.model.pull import Comment
from bot.model.relations import TIES
from bot.store import Contact

SKEW_NOTE_S = 5
SKEW_FAULT_S = 60
"""Times of commands and probes are compared: with clocks a minute apart, a decision waits for something that has happened."""
SECRET_CHARS_MIN = 22
"""So many characters of an alphabet of 64 make 128 bits."""
SECRET_DIFFERENT_MIN = 10
NAMED_MAX = 5
READ_SILENT_MAX_S = 600
"""A sweep comes every few seconds; where requests are short, every few minutes."""
WEBHOOK_SILENT_MAX = timedelta(days=7)


def there(facts: CommonsFacts) -> Iterator[CheckResult]:
    """DoltHub answers, and the commons can be seen."""
    if isinstance(facts.there, Unread):
        fix = "Check STAMPBOT_HUB_URL and this machine's network; if DoltHub is down, wait."
        if facts.there.refused:
            fix = "Check the token."
        yield _of(facts, "commons", State.UNKNOWN, f"DoltHub gave no answer: {facts.there.why}", fix)
    elif not facts.there:
        fix = "Check the spelling in STAMPBOT_COMMONS; a private commons needs the bot's account as a collaborator."
        yield _of(facts, "commons", State.FAULT, "there is no such database, or this token may not see it", fix)
    else:
        yield _of(facts, "commons", State.FINE, "is there and can be read")


def token(facts: CommonsFacts) -> Iterator[CheckResult]:
    """There is a token, an account has it, and that account may write."""
    if not facts.has_token:
        says = "no token: this bot only reads, it posts and decides nothing"
        yield _of(facts, "token", State.NOTE, says, "Set STAMPBOT_HUB_TOKEN to a token of the bot's own account.")
        return
    if isinstance(facts.account, Unread):
        if facts.account.refused:
            fix = "Make a new token as the bot's account and set STAMPBOT_HUB_TOKEN."
            yield _of(facts, "token", State.FAULT, f"belongs to no account: {facts.account.why}", fix)
        else:
            yield _of(facts, "token", State.UNKNOWN, f"could not be checked: {facts.account.why}", AGAIN)
        return
    if facts.named_account is not None and facts.account != facts.named_account:
        says = f"the token is {facts.account}'s, but STAMPBOT_ACCOUNT says {facts.named_account}"
        yield _of(facts, "token", State.FAULT, says, f"Set STAMPBOT_ACCOUNT={facts.account}, or take the other's token.")
    if isinstance(facts.may_write, Unread):
        says = f"whether {facts.account} may write is not known: {facts.may_write.why}"
        yield _of(facts, "token", State.UNKNOWN, says, "Run this again; see also the log of the worker.")
    elif facts.may_write is False:
        fix = f"Invite {facts.account} to the commons with write access, accept the invitation, and give the token that scope."
        yield _of(facts, "token", State.FAULT, f"{facts.account} may not write here: nothing can be merged or stamped", fix)
    else:
        # Inferred: no endpoint reports a right. The check makes a request that fails in another way for a writer.
        yield _of(facts, "token", State.FINE, f"is {facts.account}'s, who may write (inferred)")


def account(facts: CommonsFacts) -> Iterator[CheckResult]:
    """The bot's account decides nothing: its comments are never read as commands."""
    if not facts.has_token or isinstance(facts.account, Unread) or facts.account is None:
        return
    user = facts.account
    fix = "Give the bot an account of its own that belongs to no validator."
    if any(validator.user == user for validator in facts.policy.validators):
        says = f"{user} is the bot's account and a validator of the policy: commands of {user} are never read"
        yield _of(facts, "account", State.FAULT, says, fix)
        return
    if isinstance(facts.rigs, Unread):
        yield _of(facts, "account", State.UNKNOWN, f"rigs could not be read: {facts.rigs.why}", AGAIN)
        return
    own = [rig for rig in facts.rigs if rig.owner == user]
    deciding = [rig for rig in own if rig.trust >= facts.policy.min_trust]
    if deciding:
        says = f"{user} is the bot's account, and its rig {deciding[0].handle} may decide: commands of {user} are never read"
        yield _of(facts, "account", State.FAULT, says, fix)
    elif own:
        says = f"{user} has the rig {own[0].handle} (trust {own[0].trust}): the bot would review its own work"
        yield _of(facts, "account", State.NOTE, says, "Let the bot's account own no rig; it needs none.")
    else:
        yield _of(facts, "account", State.FINE, f"{user} neither works nor decides; the bot needs no rig")


def second_bot(facts: CommonsFacts) -> Iterator[CheckResult]:
    """One bot for one commons."""
    if isinstance(facts.doubled, Unread):
        yield _of(facts, "second bot", State.UNKNOWN, f"comments could not be read: {facts.doubled.why}", AGAIN)
    elif facts.doubled is not None:
        at, pull = facts.doubled
        says = f"another process writes with this token, last below pull {pull} at {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        fix = "Stop one of the two bots that use this token, or let both use the same Redis."
        yield _of(facts, "second bot", State.FAULT, says, fix)


def doubled_at(comments: Iterable[Comment], bot: User, together_s: float) -> datetime | None:
    """When the bot's account last wrote a review with the number of another, or a second answer to a comment.

    Only soon after the first one: the numbers begin anew where comments of the bot were edited or deleted.
    """
    first: dict[tuple[object, ...], datetime] = {}
    found: datetime | None = None
    for comment in sorted(comments, key=lambda c: (c.created_at, c.id)):
        mark = read_mark(comment, bot)
        if mark is None or mark.outcome == PARKED or mark.kind is MarkKind.NOTICE:
            continue
        about = (mark.kind, mark.n) if mark.kind is MarkKind.REVIEW else (mark.kind, mark.comment)
        if about in first and comment.created_at - first[about] <= timedelta(seconds=together_s):
            found = comment.created_at
        first[about] = comment.created_at
    return found


def webhook(facts: CommonsFacts) -> Iterator[CheckResult]:
    """The secret cannot be guessed and has no other use."""
    secret = facts.webhook
    fix = "Set STAMPBOT_WEBHOOK_SECRET to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if not secret:
        says = "no secret: web does not start, and the bot notices pulls one poll later"
        yield _of(facts, "webhook", State.NOTE, says, fix)
        return
    if weak := weakness(secret, (facts.commons.owner, facts.commons.name)):
        yield _of(facts, "webhook", State.FAULT, f"the secret can be guessed: {weak}", fix)
    for other in facts.shared_with:
        yield _of(facts, "webhook", State.FAULT, f"the secret, which stands in addresses and their logs, is also {other}", fix)
    if not weak and not facts.shared_with:
        yield _of(facts, "webhook", State.FINE, f"a secret of {len(secret)} characters")


def weakness(secret: str, words: Iterable[str]) -> str:
    """Why a secret can be guessed; empty if no reason was found."""
    lowered = secret.lower()
    if len(secret) < SECRET_CHARS_MIN:
        return f"it has {len(secret)} characters, and less than 128 bits"
    if len(set(secret)) < SECRET_DIFFERENT_MIN:
        return f"only {len(set(secret))} different characters"
    said = [word for word in (*words, "stampbot", "secret", "password", "webhook", "changeme") if len(word) > 3]
    known = next((word for word in said if word.lower() in lowered), None)
    return f"it holds the word {known}" if known is not None else ""


def clock(facts: CommonsFacts) -> Iterator[CheckResult]:
    """This machine's clock and DoltHub's agree."""
    if isinstance(facts.skew, Unread):
        yield _of(facts, "clock", State.UNKNOWN, f"DoltHub's time could not be read: {facts.skew.why}", AGAIN)
        return
    if facts.skew is None:
        yield _of(facts, "clock", State.NOTE, "DoltHub's answers carry no time", "Keep this machine's clock right (NTP).")
        return
    apart = abs(facts.skew.total_seconds())
    way = "behind" if facts.skew > timedelta() else "ahead of"
    fix = "Switch on NTP, such as: timedatectl set-ntp true"
    says = f"this machine's clock is {apart:.0f} s {way} DoltHub's"
    if apart >= SKEW_FAULT_S:
        yield _of(facts, "clock", State.FAULT, f"{says}: commands would wait, or seem old", fix)
    elif apart >= SKEW_NOTE_S:
        yield _of(facts, "clock", State.NOTE, says, fix)
    else:
        yield _of(facts, "clock", State.FINE, "agrees with DoltHub's")


def comments(facts: CommonsFacts) -> Iterator[CheckResult]:
    """Commands are comments, so comments must be readable."""
    if isinstance(facts.comments_readable, Unread) and not facts.comments_readable.refused:
        yield _of(facts, "comments", State.UNKNOWN, f"could not be checked: {facts.comments_readable.why}", AGAIN)
    elif isinstance(facts.comments_readable, Unread):
        fix = "Give the token the scope to read pull requests."
        yield _of(facts, "comments", State.FAULT, f"cannot be read, so no command is seen: {facts.comments_readable.why}", fix)
    elif facts.comments_readable is None:
        yield _of(facts, "comments", State.NOTE, "there is no pull to check it on", "Run this again when there is one.")
    elif not facts.comments_readable:
        fix = "Let validators decide with: stampbot decide 'OWNER/DB#N' '/accept -q 4'"
        yield _of(facts, "comments", State.FAULT, "this host shows no comments to programs, so no command is seen", fix)
    else:
        yield _of(facts, "comments", State.FINE, "can be read")


def schema(facts: CommonsFacts) -> Iterator[CheckResult]:
    """The columns that every decision needs."""
    if isinstance(facts.columns, Unread):
        yield _of(facts, "schema", State.UNKNOWN, f"could not be read: {facts.columns.why}", AGAIN)
        return
    there = facts.columns
    lacking = [f"{table}.{c}" for table, columns in INDISPENSABLE.items() for c in columns if c not in there.get(table, ())]
    if lacking:
        fix = "Bring the commons to schema 1.0 or later (wl create makes one), or take it out of STAMPBOT_COMMONS."
        yield _of(facts, "schema", State.FAULT, f"main lacks {', '.join(lacking)}: no work can be stamped", fix)
        return
    absent = [table for table in PRIMARY_KEYS if table not in there]
    without = f"; without {', '.join(absent)}, which older ones lack" if absent else ""
    yield _of(facts, "schema", State.FINE, f"has what decisions need{without}")


def ratings(facts: CommonsFacts) -> Iterator[CheckResult]:
    """Ratings are stored as those on main are."""
    if isinstance(facts.ratings, Unread):
        yield _of(facts, "ratings", State.UNKNOWN, f"could not be read: {facts.ratings.why}", AGAIN)
        return
    found, wanted = facts.ratings, facts.policy.rating
    seen = f"the latest stamps hold {found.numbers} ratings in numbers and {found.words} in words"
    if wanted is RatingStyle.NUMBERS and found.words:
        says = f"{seen}: one word breaks the scoreboard detail of wl for all readers"
        yield _of(facts, "ratings", State.NOTE, says, 'Fix those stamps; or, if all readers here know words: rating = "words".')
    elif wanted is RatingStyle.WORDS and found.numbers > found.words:
        says = f"{seen}, and the policy says words"
        yield _of(facts, "ratings", State.NOTE, says, 'Take out rating = "words": readers average numbers.')
    elif wanted is RatingStyle.WORDS:
        says = "are stored as words, which wl's leaderboard cannot average"
        yield _of(facts, "ratings", State.NOTE, says, 'Take out rating = "words" unless every reader here knows words.')
    else:
        yield _of(facts, "ratings", State.FINE, f"are numbers; {seen}")


def validators(facts: CommonsFacts) -> Iterator[CheckResult]:
    """At least one account may decide, and each validator of the policy has a rig that stamps."""
    if isinstance(facts.rigs, Unread):
        yield _of(facts, "validators", State.UNKNOWN, f"rigs could not be read: {facts.rigs.why}", AGAIN)
        return
    able: dict[User, None] = {}
    for validator in facts.policy.validators:
        own = [rig for rig in facts.rigs if rig.owner == validator.user]
        named = next((rig for rig in facts.rigs if rig.handle == validator.rig), None)
        if validator.rig is None and not own:
            says = f"{validator.user} may decide, but has no rig on main to stamp with"
            yield _of(facts, "validators", State.FAULT, says, "Have them register one (wl join), or name it: {user, rig}.")
        elif validator.rig is not None and named is None:
            says = f"{validator.user} may decide as {validator.rig}, a rig that is not on main"
            yield _of(facts, "validators", State.FAULT, says, "Check the spelling, or have them register it (wl join).")
        else:
            able[validator.user] = None
    silent = {facts.account, *facts.policy.ignored_users}
    able |= {User(rig.owner): None for rig in facts.rigs if rig.owner and rig.trust >= facts.policy.min_trust}
    hearing = [user for user in able if user not in silent]
    if hearing:
        yield _of(facts, "validators", State.FINE, f"{count(len(hearing), 'account')} may decide: {_names(hearing)}")
    else:
        fix = 'Name them in stampbot.toml: validators = ["…"]; or lower min_trust.'
        says = f"no account may decide: no validator of the policy, and no rig with a trust of {facts.policy.min_trust} on main"
        yield _of(facts, "validators", State.FAULT, says, fix)


def decisions(facts: CommonsFacts) -> Iterator[CheckResult]:
    """No decision stands half done on main."""
    if isinstance(facts.begun, Unread):
        yield _of(facts, "decisions", State.UNKNOWN, f"main could not be read: {facts.begun.why}", AGAIN)
    elif facts.begun:
        says = f"{count(len(facts.begun), 'decision')} half done on main: {_names(_work(each) for each in facts.begun)}"
        fix = f"Run: stampbot sweep {facts.commons}; what is still there a minute later: stampbot audit {facts.commons}"
        yield _of(facts, "decisions", State.FAULT, says, fix)
    else:
        yield _of(facts, "decisions", State.FINE, "none is half done on main")


def watching(facts: CommonsFacts) -> Iterator[CheckResult]:
    """Whether decisions are carried out here."""
    if facts.policy.decisions is Decisions.WATCH:
        says = "the bot only watches: it posts reviews, answers commands with what they would do, and merges and writes nothing"
        yield _of(
            facts, "decisions", State.NOTE, says, 'To have decisions carried out: decisions = "carry out" in stampbot.toml.'
        )


def pulls(facts: CommonsFacts) -> Iterator[CheckResult]:
    """Work that waits on main can be decided below the pull that brought it."""
    if isinstance(facts.lost, Unread):
        yield _of(facts, "pulls", State.UNKNOWN, f"could not be read: {facts.lost.why}", AGAIN)
    elif facts.lost:
        says = f"pull not found behind {count(len(facts.lost), 'completion')} in review: {_names(_work(e) for e in facts.lost)}"
        fix = "They came to main without a pull of their owner's, so no comment can decide them: use wl accept or wl reject."
        yield _of(facts, "pulls", State.NOTE, says, fix)


def quarantine(facts: CommonsFacts) -> Iterator[CheckResult]:
    """No pull crashes the bot."""
    for number, why in facts.quarantined:
        pull = f"'{facts.commons}#{number}'"
        fix = f"Look at: stampbot explain {pull}; then try again: stampbot converge {pull}"
        yield _of(facts, "quarantine", State.FAULT, f"pull {number} is left alone, it broke the bot: {why}", fix)


def stuck(facts: CommonsFacts) -> Iterator[CheckResult]:
    """No look fails again and again for one reason."""
    for number, why, times in facts.stuck:
        pull = f"'{facts.commons}#{number}'"
        says = f"pull {number} cannot go on, {times} looks in a row failed for one reason: {why}"
        yield _of(facts, "looks", State.FAULT, says, f"Look at: stampbot explain {pull}; it is tried again by itself.")


def kept(facts: CommonsFacts) -> Iterator[CheckResult]:
    """No decision waits for a person to clear its way."""
    for number, since, why in facts.kept:
        says = f"a decision on pull {number} cannot go on since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {why}"
        fix = f"Read the bot's last comment below pull {number}; the decision is tried again by itself."
        yield _of(facts, "decisions", State.FAULT, says, fix)


def ties(facts: CommonsFacts) -> Iterator[CheckResult]:
    """Which validators may not decide about whose work, and what ties them."""
    if isinstance(facts.tied, Unread):
        return
    for user, other, by in facts.tied[:NAMED_MAX]:
        said = ", ".join(dict.fromkeys(TIES[tie] for tie in by if tie not in ("account", "name")))
        says = f"validator {user} and account {other} may not decide about each other's work: {said}"
        fix = f'If that is wrong, the operator can write in stampbot.toml: [ties] ignore = [["{user}", "{other}"]]'
        yield _of(facts, "ties", State.NOTE, says, fix)
    if len(facts.tied) > NAMED_MAX:
        yield _of(facts, "ties", State.NOTE, f"{len(facts.tied) - NAMED_MAX} more ties of validators are not listed here")


def outages(facts: CommonsFacts) -> Iterator[CheckResult]:
    """No trouble affects all pulls of a commons."""
    for of, why, since, failed in facts.outages:
        yield the_outage(facts.commons, of, why, since, failed)


def the_outage(commons: Commons, of: str, why: str, since: datetime, failed: int) -> CheckResult:
    """The result of trouble that meets all pulls of a commons."""
    says = f"trouble with {of} since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {count(failed, 'failure')}; the last: {why}"
    fix = "If it lasts, look at the log of the worker and at this machine's network."
    return CheckResult(check="outage", state=State.FAULT, says=says, fix=fix, commons=commons)


def the_reading(commons: Commons, contact: Contact, now: datetime) -> CheckResult:
    """Whether a worker reads the commons, and as whom, by what it noted last."""
    if contact.read_at is None:
        says = "was not read since Redis started or was wiped"
        return CheckResult(check="reading", state=State.UNKNOWN, says=says, fix="Start: stampbot worker", commons=commons)
    ago_s = max(0.0, (now - contact.read_at).total_seconds())
    reader = f"as {contact.account}" if contact.account is not None else "without a token: this bot only reads"
    says = f"was last read {ago_s:.0f} s ago, {reader}"
    if ago_s > READ_SILENT_MAX_S:
        fix = "See the log of the worker, and: stampbot doctor"
        return CheckResult(check="reading", state=State.FAULT, says=says, fix=fix, commons=commons)
    return CheckResult(check="reading", state=State.FINE, says=says, commons=commons)


def silent_webhook(facts: CommonsFacts) -> Iterator[CheckResult]:
    """Webhooks come, where pulls do."""
    if not facts.webhook or facts.now is None or facts.noted_since is None or facts.pulled_at is None:
        return
    quiet_since = facts.webhook_at or facts.noted_since
    if facts.now - quiet_since >= WEBHOOK_SILENT_MAX and facts.pulled_at > quiet_since:
        days = (facts.now - quiet_since).days
        says = f"no webhook came for {days} days, while pulls were opened: they are noticed by polling, so later"
        fix = (
            "Look at the deliveries on DoltHub (Settings, Webhooks): is the address this machine's, with the secret at its end?"
        )
        yield _of(facts, "webhook", State.NOTE, says, fix)


def ratings_of(valences: Iterable[str]) -> Ratings:
    """How many of these ratings are in numbers, and how many in words. What is neither counts as neither."""
    numbers = words = 0
    for valence in valences:
        try:
            found = json.loads(valence)
        except (ValueError, RecursionError):
            continue
        quality = found.get("quality") if isinstance(found, dict) else None
        numbers += isinstance(quality, int | float) and not isinstance(quality, bool)
        words += isinstance(quality, str)
    return Ratings(numbers=numbers, words=words)


def ledger(facts: CommonsFacts) -> Iterator[CheckResult]:
    """What the last audit of main found."""
    if facts.ledger is None:
        says = "main was not audited yet"
        yield _of(facts, "ledger", State.NOTE, says, f"A worker does so with its sweeps; now: stampbot audit {facts.commons}")
        return
    faults, doubts = facts.ledger
    told = f"the last audit of main found {count(faults, 'fault')} and {count(doubts, 'doubt')}"
    if faults or doubts:
        yield _of(facts, "ledger", State.NOTE, told, f"See: stampbot audit {facts.commons}")
    else:
        yield _of(facts, "ledger", State.FINE, told)


CHECKS: tuple[Callable[[CommonsFacts], Iterator[CheckResult]], ...] = (
    there,
    token,
    account,
    second_bot,
    webhook,
    silent_webhook,
    clock,
    comments,
    schema,
    ratings,
    validators,
    decisions,
    watching,
    pulls,
    quarantine,
    stuck,
    kept,
    ties,
    outages,
    ledger,
)

UNREACHED: tuple[Callable[[CommonsFacts], Iterator[CheckResult]], ...] = (there, token, webhook, stuck, kept, outages)
"""Checks of a commons that does not answer."""


def _of(facts: CommonsFacts, check: str, state: State, says: str, fix: str = "") -> CheckResult:
    return CheckResult(check=check, state=state, says=says, fix=fix, commons=facts.commons)


def _work(done: Completion) -> str:
    return f"{done.id} of {done.wanted_id}"


def _names(names: Iterable[str | Handle | User]) -> str:
    every = list(names)
    left = len(every) - NAMED_MAX
    return ", ".join(every[:NAMED_MAX]) + (f" and {left} more" if left > 0 else "")
