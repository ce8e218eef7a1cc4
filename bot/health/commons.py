"""Checks of one commons: token, schema, people who may decide, and what stands half done there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, timedelta

from bot.health.facts import AGAIN, Place, Ratings, Sign, State, Unread, count
from bot.model import duplicate_bot
from bot.model.ids import Commons, Handle, PullNo, User
from bot.model.ledger import INDISPENSABLE, PRIMARY_KEYS, Completion
from bot.model.policy import RatingStyle

SKEW_NOTE_S = 5
SKEW_FAULT_S = 60
"""Commands and looks at evidence are compared by their times: a minute apart, one waits for what has happened."""
SECRET_CHARS_MIN = 22
"""As many characters of the 64 as make 128 bits."""
SECRET_DIFFERENT_MIN = 10
NAMED_MAX = 5


def there(place: Place) -> Iterator[Sign]:
    """DoltHub answers, and the commons can be seen."""
    if isinstance(place.there, Unread):
        mend = "Look at STAMPBOT_HUB_URL and at this machine's network; if DoltHub is down, wait."
        if place.there.refused:
            mend = "Look at the token."
        yield _of(place, "commons", State.UNKNOWN, f"DoltHub does not tell: {place.there.why}", mend)
    elif not place.there:
        mend = "Look at the spelling in STAMPBOT_COMMONS; a private commons needs the bot's account as a collaborator."
        yield _of(place, "commons", State.FAULT, "there is no such database, or this token may not see it", mend)
    else:
        yield _of(place, "commons", State.FINE, "is there and can be read")


def token(place: Place) -> Iterator[Sign]:
    """There is a token, it is somebody's, and that account may write."""
    if not place.has_token:
        says = "no token: this bot only reads, it posts and decides nothing"
        yield _of(place, "token", State.NOTE, says, "Set STAMPBOT_HUB_TOKEN to a token of the bot's own account.")
        return
    if isinstance(place.account, Unread):
        if place.account.refused:
            mend = "Make a new token as the bot's account and set STAMPBOT_HUB_TOKEN."
            yield _of(place, "token", State.FAULT, f"is nobody's: {place.account.why}", mend)
        else:
            yield _of(place, "token", State.UNKNOWN, f"could not be tried: {place.account.why}", AGAIN)
        return
    if place.named_account is not None and place.account != place.named_account:
        says = f"the token is {place.account}'s, but STAMPBOT_ACCOUNT says {place.named_account}"
        yield _of(place, "token", State.FAULT, says, f"Set STAMPBOT_ACCOUNT={place.account}, or take the other's token.")
    if isinstance(place.may_write, Unread):
        says = f"whether {place.account} may write could not be told: {place.may_write.why}"
        yield _of(place, "token", State.UNKNOWN, says, "Run this again; see also the log of the worker.")
    elif place.may_write is False:
        mend = f"Invite {place.account} to the commons with write access, accept the invitation, and give the token that scope."
        yield _of(place, "token", State.FAULT, f"{place.account} may not write here: nothing can be merged or stamped", mend)
    else:
        # Inferred: no endpoint tells a right, so a request was made that only a writer is told cannot be done.
        yield _of(place, "token", State.FINE, f"is {place.account}'s, who may write as far as can be told")


def account(place: Place) -> Iterator[Sign]:
    """The bot's account decides nothing: what it writes is never read as a command."""
    if not place.has_token or isinstance(place.account, Unread) or place.account is None:
        return
    user = place.account
    mend = "Give the bot an account of its own, which is nobody's who decides."
    if any(validator.user == user for validator in place.policy.validators):
        says = f"{user} is the bot's account and a validator of the policy: commands of {user} are never read"
        yield _of(place, "account", State.FAULT, says, mend)
        return
    if isinstance(place.rigs, Unread):
        yield _of(place, "account", State.UNKNOWN, f"rigs could not be read: {place.rigs.why}", AGAIN)
        return
    own = [rig for rig in place.rigs if rig.owner == user]
    deciding = [rig for rig in own if rig.trust >= place.policy.min_trust]
    if deciding:
        says = f"{user} is the bot's account, and its rig {deciding[0].handle} may decide: commands of {user} are never read"
        yield _of(place, "account", State.FAULT, says, mend)
    elif own:
        says = f"{user} has the rig {own[0].handle} (trust {own[0].trust}): work of its own would be looked at by itself"
        yield _of(place, "account", State.NOTE, says, "Let the bot's account own no rig; it needs none.")
    else:
        yield _of(place, "account", State.FINE, f"{user} is nobody who works or decides; the bot needs no rig")


def second_bot(place: Place) -> Iterator[Sign]:
    """One bot for one commons."""
    if isinstance(place.other_bots, Unread):
        yield _of(place, "second bot", State.UNKNOWN, f"comments could not be read: {place.other_bots.why}", AGAIN)
        return
    for sign, pull in place.other_bots:
        yield another_bot(place.commons, sign, pull)


def another_bot(commons: Commons, sign: duplicate_bot.Sign, pull: PullNo | None) -> Sign:
    """What a sign of another bot comes to, and how to be rid of it. `pull`: the one it was seen below, if that is known."""
    below = f" below pull {pull}" if pull is not None else ""
    seen = f"last{below} at {sign.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if sign.certain:
        says = f"another process writes as {sign.account}, {seen}: decisions that have not begun wait on the whole commons"
        mend = "Stop one of the two bots that use this token."
    else:
        says = f"{sign.account} writes comments with the mark of a bot, {seen}: decisions that have not begun wait on that pull"
        mend = f"Stop that bot; or, if it is none, add {sign.account} to ignored_users."
    return Sign(check="second bot", state=State.FAULT, says=says, mend=mend, commons=commons)


def webhook(place: Place) -> Iterator[Sign]:
    """The secret cannot be guessed, and is used for nothing else."""
    secret = place.webhook
    mend = "Set STAMPBOT_WEBHOOK_SECRET to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    if not secret:
        says = "no secret: web does not start, and pulls are noticed a poll later"
        yield _of(place, "webhook", State.NOTE, says, mend)
        return
    if weak := weakness(secret, (place.commons.owner, place.commons.name)):
        yield _of(place, "webhook", State.FAULT, f"the secret can be guessed: {weak}", mend)
    for other in place.shared_with:
        yield _of(place, "webhook", State.FAULT, f"the secret, which stands in addresses and their logs, is also {other}", mend)
    if not weak and not place.shared_with:
        yield _of(place, "webhook", State.FINE, f"a secret of {len(secret)} characters")


def weakness(secret: str, words: Iterable[str]) -> str:
    """Why a secret can be guessed, empty if nothing speaks for it."""
    lowered = secret.lower()
    if len(secret) < SECRET_CHARS_MIN:
        return f"it has {len(secret)} characters, and less than 128 bits"
    if len(set(secret)) < SECRET_DIFFERENT_MIN:
        return f"only {len(set(secret))} different characters"
    said = [word for word in (*words, "stampbot", "secret", "password", "webhook", "changeme") if len(word) > 3]
    known = next((word for word in said if word.lower() in lowered), None)
    return f"it holds the word {known}" if known is not None else ""


def clock(place: Place) -> Iterator[Sign]:
    """This machine's clock and DoltHub's agree."""
    if isinstance(place.skew, Unread):
        yield _of(place, "clock", State.UNKNOWN, f"DoltHub's time could not be read: {place.skew.why}", AGAIN)
        return
    if place.skew is None:
        yield _of(place, "clock", State.NOTE, "DoltHub's answers carry no time", "Keep this machine's clock right (NTP).")
        return
    apart = abs(place.skew.total_seconds())
    way = "behind" if place.skew > timedelta() else "ahead of"
    mend = "Switch on NTP, such as: timedatectl set-ntp true"
    says = f"this machine's clock is {apart:.0f} s {way} DoltHub's"
    if apart >= SKEW_FAULT_S:
        yield _of(place, "clock", State.FAULT, f"{says}: commands would wait, or seem old", mend)
    elif apart >= SKEW_NOTE_S:
        yield _of(place, "clock", State.NOTE, says, mend)
    else:
        yield _of(place, "clock", State.FINE, "agrees with DoltHub's")


def comments(place: Place) -> Iterator[Sign]:
    """Commands are comments, so comments must be readable."""
    if isinstance(place.hears, Unread) and not place.hears.refused:
        yield _of(place, "comments", State.UNKNOWN, f"could not be tried: {place.hears.why}", AGAIN)
    elif isinstance(place.hears, Unread):
        mend = "Give the token the scope to read pull requests."
        yield _of(place, "comments", State.FAULT, f"cannot be read, so no command is seen: {place.hears.why}", mend)
    elif place.hears is None:
        yield _of(place, "comments", State.NOTE, "there is no pull to try it on", "Run this again when there is one.")
    elif not place.hears:
        mend = "Let validators decide with: stampbot decide 'OWNER/DB#N' '/accept -q 4'"
        yield _of(place, "comments", State.FAULT, "this hub shows none to programs, so no command is seen", mend)
    else:
        yield _of(place, "comments", State.FINE, "can be read")


def schema(place: Place) -> Iterator[Sign]:
    """The columns without which no decision is whole."""
    if isinstance(place.columns, Unread):
        yield _of(place, "schema", State.UNKNOWN, f"could not be read: {place.columns.why}", AGAIN)
        return
    there = place.columns
    lacking = [f"{table}.{c}" for table, columns in INDISPENSABLE.items() for c in columns if c not in there.get(table, ())]
    if lacking:
        mend = "Bring the commons to schema 1.0 or later (wl create makes one), or take it out of STAMPBOT_COMMONS."
        yield _of(place, "schema", State.FAULT, f"main lacks {', '.join(lacking)}: no work can be stamped", mend)
        return
    absent = [table for table in PRIMARY_KEYS if table not in there]
    without = f"; without {', '.join(absent)}, which older ones lack" if absent else ""
    yield _of(place, "schema", State.FINE, f"has what decisions need{without}")


def ratings(place: Place) -> Iterator[Sign]:
    """Ratings are stored as those on main are."""
    if isinstance(place.ratings, Unread):
        yield _of(place, "ratings", State.UNKNOWN, f"could not be read: {place.ratings.why}", AGAIN)
        return
    found, wanted = place.ratings, place.policy.rating
    seen = f"the latest stamps hold {found.numbers} ratings in numbers and {found.words} in words"
    if wanted is RatingStyle.NUMBERS and found.words:
        says = f"{seen}: one word breaks wl's scoreboard detail for everybody"
        yield _of(
            place, "ratings", State.NOTE, says, 'Mend those stamps; or, if all readers here know words: rating = "words".'
        )
    elif wanted is RatingStyle.WORDS and found.numbers > found.words:
        says = f"{seen}, and the policy says words"
        yield _of(place, "ratings", State.NOTE, says, 'Take out rating = "words": readers average numbers.')
    elif wanted is RatingStyle.WORDS:
        says = "are stored as words, which wl's leaderboard cannot average"
        yield _of(place, "ratings", State.NOTE, says, 'Take out rating = "words" unless every reader here knows words.')
    else:
        yield _of(place, "ratings", State.FINE, f"are numbers; {seen}")


def validators(place: Place) -> Iterator[Sign]:
    """Somebody may decide, and whom the policy names has a rig that stamps."""
    if isinstance(place.rigs, Unread):
        yield _of(place, "validators", State.UNKNOWN, f"rigs could not be read: {place.rigs.why}", AGAIN)
        return
    able: dict[User, None] = {}
    for validator in place.policy.validators:
        own = [rig for rig in place.rigs if rig.owner == validator.user]
        named = next((rig for rig in place.rigs if rig.handle == validator.rig), None)
        if validator.rig is None and not own:
            says = f"{validator.user} may decide, but has no rig on main to stamp with"
            yield _of(place, "validators", State.FAULT, says, "Have them register one (wl join), or name it: {user, rig}.")
        elif validator.rig is not None and named is None:
            says = f"{validator.user} may decide as {validator.rig}, a rig that is not on main"
            yield _of(place, "validators", State.FAULT, says, "Look at the spelling, or have them register it (wl join).")
        else:
            able[validator.user] = None
    silent = {place.account, *place.policy.ignored_users}
    able |= {User(rig.owner): None for rig in place.rigs if rig.owner and rig.trust >= place.policy.min_trust}
    hearing = [user for user in able if user not in silent]
    if hearing:
        yield _of(place, "validators", State.FINE, f"{count(len(hearing), 'account')} may decide: {_names(hearing)}")
    else:
        mend = 'Name them in stampbot.toml: validators = ["…"]; or lower min_trust.'
        says = f"nobody may decide: no validator of the policy, and no rig with a trust of {place.policy.min_trust} on main"
        yield _of(place, "validators", State.FAULT, says, mend)


def decisions(place: Place) -> Iterator[Sign]:
    """No decision stands half done on main."""
    if isinstance(place.begun, Unread):
        yield _of(place, "decisions", State.UNKNOWN, f"main could not be read: {place.begun.why}", AGAIN)
    elif place.begun:
        says = f"{count(len(place.begun), 'decision')} half done on main: {_names(_work(each) for each in place.begun)}"
        mend = f"Run: stampbot sweep {place.commons}; what is still there a minute later: stampbot audit {place.commons}"
        yield _of(place, "decisions", State.FAULT, says, mend)
    else:
        yield _of(place, "decisions", State.FINE, "none is half done on main")


def pulls(place: Place) -> Iterator[Sign]:
    """Work that waits on main can be decided below the pull that brought it."""
    if isinstance(place.lost, Unread):
        yield _of(place, "pulls", State.UNKNOWN, f"could not be read: {place.lost.why}", AGAIN)
    elif place.lost:
        says = f"pull not found behind {count(len(place.lost), 'completion')} in review: {_names(_work(e) for e in place.lost)}"
        mend = "They came to main without a pull of their owner's, so no comment can decide them: use wl accept or wl reject."
        yield _of(place, "pulls", State.NOTE, says, mend)


def quarantine(place: Place) -> Iterator[Sign]:
    """No pull crashes the bot."""
    for number, why in place.quarantined:
        pull = f"'{place.commons}#{number}'"
        mend = f"Look at: stampbot explain {pull}; then try again: stampbot converge {pull}"
        yield _of(place, "quarantine", State.FAULT, f"pull {number} is left alone, it broke the bot: {why}", mend)


def stuck(place: Place) -> Iterator[Sign]:
    """No look fails again and again for one reason."""
    for number, why, times in place.stuck:
        pull = f"'{place.commons}#{number}'"
        says = f"pull {number} cannot go on, {times} looks in a row failed for one reason: {why}"
        yield _of(place, "looks", State.FAULT, says, f"Look at: stampbot explain {pull}; it is tried again by itself.")


def outages(place: Place) -> Iterator[Sign]:
    """Nothing meets all pulls of a commons."""
    for of, why, since, failed in place.outages:
        says = (
            f"trouble with {of} since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC, met {count(failed, 'time')}; the last: {why}"
        )
        yield _of(
            place, "outage", State.FAULT, says, "If it lasts, look at the log of the worker and at this machine's network."
        )


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


def ledger(place: Place) -> Iterator[Sign]:
    """What the last audit of main found."""
    if place.ledger is None:
        says = "main was not audited yet"
        yield _of(place, "ledger", State.NOTE, says, f"A worker does so with its sweeps; now: stampbot audit {place.commons}")
        return
    faults, doubts = place.ledger
    told = f"the last audit of main found {count(faults, 'fault')} and {count(doubts, 'doubt')}"
    if faults or doubts:
        yield _of(place, "ledger", State.NOTE, told, f"See: stampbot audit {place.commons}")
    else:
        yield _of(place, "ledger", State.FINE, told)


CHECKS: tuple[Callable[[Place], Iterator[Sign]], ...] = (
    there,
    token,
    account,
    second_bot,
    webhook,
    clock,
    comments,
    schema,
    ratings,
    validators,
    decisions,
    pulls,
    quarantine,
    stuck,
    outages,
    ledger,
)

UNREACHED: tuple[Callable[[Place], Iterator[Sign]], ...] = (there, token, webhook, stuck, outages)
"""What can be told of a commons that does not answer."""


def _of(place: Place, check: str, state: State, says: str, mend: str = "") -> Sign:
    return Sign(check=check, state=state, says=says, mend=mend, commons=place.commons)


def _work(done: Completion) -> str:
    return f"{done.id} of {done.wanted_id}"


def _names(names: Iterable[str | Handle | User]) -> str:
    every = list(names)
    left = len(every) - NAMED_MAX
    return ", ".join(every[:NAMED_MAX]) + (f" and {left} more" if left > 0 else "")
