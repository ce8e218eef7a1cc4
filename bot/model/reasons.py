"""What the reason codes of fact sheets mean: for each one sentence about the link, and what its contributor can do.

The catalogue is closed: a house test reads the sources that make sheets, so a code without a sentence is found before a
contributor meets it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, LiteralString

from bot.model.evidence import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason code, in words. All but `code` are the project's own words, without any mark of Markdown.

    `seen`: the verdicts it comes with. `says` goes on behind "The link …", in the present tense. `brief` goes on behind the
    name of the thing, "GitHub pull, …"; empty for what no forge says. `remedy`: one thing to do, without a full stop; empty
    where there is nothing to do but wait.
    """

    code: str
    seen: tuple[Seen, ...]
    says: LiteralString
    remedy: LiteralString = ""
    brief: LiteralString = ""

    @property
    def anew(self) -> bool:
        """Whether the remedy is another link, so that the work has to be submitted anew."""
        return self.remedy.startswith("Submit")


def reason_of(code: str, seen: Seen | None = None) -> Reason:
    """The reason with this code; a neutral one if there is none, or none that comes with the verdict `seen`.

    A fact sheet is a stranger's word: any text can stand where its code should.
    """
    found = REASONS.get(code)
    if found is None or (seen is not None and seen not in found.seen):
        return Reason(code=code, seen=tuple(Seen) if seen is None else (seen,), says="is not as expected")
    return found


def _with(seen: tuple[Seen, ...], *rows: tuple[LiteralString, ...]) -> Iterator[Reason]:
    """Reasons that come with the same verdicts. A row is code, sentence, remedy and brief; what is left off is empty."""
    for code, says, *more in rows:
        remedy, brief = (*more, "", "")[:2]
        yield Reason(code=code, seen=seen, says=says, remedy=remedy, brief=brief)


_AGAIN: Final = "; the bot looks again by itself"

_FINE: Final = (
    *_with(
        (Seen.VERIFIED,),
        ("merged", "leads to a pull that is merged into the default branch", "", "merged"),
        ("contained", "leads to a commit on the default branch", "", "on the default branch"),
        ("merged_by_pull", "leads to a commit that came in by a merged pull", "", "came in by a merged pull"),
        ("published", "leads to a version that is published", "", "published"),
        ("succeeded", "leads to a run that succeeded", "", "succeeded"),
    ),
    *_with(
        (Seen.VERIFIED, Seen.REACHABLE),
        ("pinned", "leads to a version that cannot change", "", "a version that cannot change"),
    ),
    *_with(
        (Seen.REACHABLE,),
        ("ok", "opens"),
        ("issue_closed", "leads to an issue that is closed as done", "", "closed as done"),
        ("mutable_gist", "leads to a gist, which its owner can change at any time", "", "can be changed by its owner"),
    ),
)

_WEAK: Final = (
    # What any page can be.
    *_with(
        (Seen.SUSPICIOUS,),
        ("empty", "opens an empty page", "Submit a link to a page that shows the work"),
        (
            "soft_404",
            "opens, but shows a front page or says that there is no such page",
            "Submit a link to the page that shows the work",
        ),
        (
            "catch_all",
            "answers for every address, so that it shows nothing",
            "Submit a link that shows the work itself, such as the pull or the commit",
        ),
        ("parked", "leads to a domain that is for sale or not in use", "Submit a link to a page that shows the work"),
        ("other_domain", "leads on to another site than the one it names", "Submit the address where it ends"),
        (
            "weak_host",
            "is served over plain http, from a bare address or on an unusual port",
            "Submit an https link with the name of its host",
        ),
        ("tls_expired", "is served with a certificate that has expired", f"Renew the certificate{_AGAIN}"),
        ("tls_name", "is served with a certificate that is for another name", f"Get a certificate for this name{_AGAIN}"),
        (
            "tls_untrusted",
            "is served with a certificate that browsers do not trust",
            f"Get a certificate that they trust{_AGAIN}",
        ),
    ),
    # What a forge knows better.
    *_with(
        (Seen.SUSPICIOUS,),
        ("not_merged", "leads to a pull that is open, not merged", f"Have it merged{_AGAIN}", "open, not merged"),
        (
            "closed_unmerged",
            "leads to a pull that was closed without being merged",
            "Submit the pull that was merged",
            "closed, not merged",
        ),
        (
            "side_branch",
            "leads to a pull that was merged, but not into the default branch",
            "Submit the pull that brings the work to the default branch",
            "merged, but not into the default branch",
        ),
        (
            "empty_diff",
            "leads to a merged pull that changes no file",
            "Submit the pull that holds the work",
            "merged, changes no file",
        ),
        (
            "of_the_commons",
            "leads into the commons or a copy of it, which records work and does not show it",
            "Submit a link to the work itself",
            "of the commons itself",
        ),
        ("issue_not_pull", "leads to an issue, not to a pull", "Submit the pull that does the work", "an issue, not a pull"),
        (
            "not_on_default",
            "leads to a commit that is not on the default branch",
            f"Bring it to the default branch{_AGAIN}",
            "not on the default branch",
        ),
        (
            "impostor_commit",
            "leads to a commit that is on no branch of the repository, as commits of forks are",
            f"Bring it to the repository by a pull{_AGAIN}",
            "on no branch of the repository",
        ),
        (
            "issue_open",
            "leads to an issue that is open, and an open issue shows no work",
            "Submit the pull or the commit that does the work",
            "open",
        ),
        (
            "issue_not_planned",
            "leads to an issue that was closed without being done",
            "Submit the pull or the commit that does the work",
            "closed, not done",
        ),
        ("tag_only", "leads to a tag without a release", f"Publish a release of the tag{_AGAIN}", "a tag without a release"),
        ("draft_release", "leads to a release that is still a draft", f"Publish it{_AGAIN}", "a draft"),
        (
            "asset_missing",
            "leads to a release with a file whose upload is not complete",
            f"Upload the file again{_AGAIN}",
            "an upload is not complete",
        ),
        ("run_not_finished", "leads to a run that has not ended", f"Wait for its end{_AGAIN}", "not ended"),
        ("run_failed", "leads to a run that did not succeed", "Submit a run that succeeded", "did not succeed"),
        ("fork_run", "leads to a run of a fork's commit", "Submit a run of the repository's own", "of a fork's commit"),
        (
            "mutable_ref",
            "leads to a branch or a tag, which can show something else tomorrow",
            "Submit a link that names the commit or the digest",
            "at a branch or a tag, which can move",
        ),
        (
            "too_broad",
            "leads to a whole repository, so that it does not say which work is meant",
            "Submit the pull or the commit that does the work",
            "the whole of it",
        ),
        (
            "no_version",
            "leads to a package, and not to one version of it",
            "Submit a link that names the version",
            "no version named",
        ),
        ("no_files", "leads to a version without a file to install", f"Upload the files{_AGAIN}", "without a file"),
        ("yanked", "leads to a version that was withdrawn", "Submit a version that was not withdrawn", "withdrawn"),
        (
            "deprecated",
            "leads to a version that its own publisher advises against",
            "Submit a version that is not deprecated",
            "deprecated by its publisher",
        ),
    ),
)

_GONE: Final = (
    *_with(
        (Seen.DEAD,),
        ("not_found", "leads to a page that is not there", "Submit a link that opens"),
        ("gone", "leads to a page that was taken away for good", "Submit a link that opens"),
        ("no_such_pull", "leads to a pull that its repository does not have", "Submit the link of the pull", "not there"),
        (
            "no_such_commit",
            "leads to a commit that its repository does not have",
            "Submit a commit that is on the default branch",
            "not there",
        ),
        (
            "no_such_issue",
            "leads to an issue that its repository does not have",
            "Submit the pull or the commit that does the work",
            "not there",
        ),
        ("issue_deleted", "leads to an issue that was deleted", "Submit the pull or the commit that does the work", "deleted"),
        (
            "no_such_release",
            "leads to a release that its repository does not have",
            "Submit the link of a published release",
            "not there",
        ),
        ("no_such_gist", "leads to a gist that is not there", "Submit a link that opens", "not there"),
        (
            "no_such_file",
            "leads to a file that is not there",
            "Submit a link that names the commit that holds the file",
            "not there",
        ),
        (
            "no_such_version",
            "leads to a version that its package does not have",
            "Submit the link of a published version",
            "not there",
        ),
    ),
    # Asked of a forge, it is the name of the forge's own API that cannot be found.
    *_with((Seen.DEAD, Seen.UNKNOWN), ("nxdomain", "leads to a host name that does not exist", "Submit a link that opens")),
)

_UNTOLD: Final = (
    # The page, or whoever keeps it.
    *_with(
        (Seen.UNKNOWN,),
        ("login", "asks for a login", "Submit a link that opens for everybody"),
        (
            "wall",
            "turns this bot away, as it may do with robots or with everybody",
            "Submit a link that opens for everybody, if there is one",
        ),
        ("legal", "is withheld for legal reasons", "Submit a link that opens for everybody"),
        (
            "not_visible",
            "leads to something private, renamed, deleted or misspelt, and nobody says which",
            f"Make it public if it is private{_AGAIN}",
            "private, renamed, deleted or misspelt",
        ),
        (
            "no_such_owner",
            "names an account that its forge does not have",
            "Submit the link as the forge shows it",
            "of an account that is not there",
        ),
        (
            "expired",
            "leads to a run that is kept no longer, or never was",
            "Submit the commit or the pull that it ran for",
            "kept no longer",
        ),
        (
            "unclear_ref",
            "does not say where the branch ends and the path begins",
            "Submit a permanent link, which names the commit",
            "at a branch that cannot be told from the path",
        ),
        (
            "containment_unknown",
            "leads to a commit, and its forge does not say which branches hold it",
            "Submit the pull that brought it in",
            "branches not told",
        ),
    ),
    # The moment, or the way there.
    *_with(
        (Seen.UNKNOWN,),
        ("transient", "leads to a host that is in trouble just now", "", "its host is in trouble just now"),
        ("timeout", "does not answer in time"),
        ("deadline", "takes longer than the bot waits"),
        ("connection_refused", "leads to a host that refuses connections"),
        ("net", "cannot be reached from here just now"),
        ("tls", "leads to a host with which no safe connection can be made"),
        ("dns", "names a host that cannot be looked up just now"),
        ("dns_timeout", "names a host whose look-up does not end in time"),
        ("dns_no_address", "names a host that has no address", "Submit a link that opens"),
        ("limit", "leads to a host that takes no more questions for now", "", "its host takes no more questions for now"),
        (
            "resting",
            "leads to a host that failed several times and is left in peace for a while",
            "",
            "its host is left in peace for a while",
        ),
        ("busy", "waits behind other questions to the same host", "", "waits behind other questions"),
        ("forbidden", "leads to a host that refuses to tell the bot", "", "its host refuses to tell"),
        ("token_refused", "leads to a host that refuses the bot's own token", "", "its host refuses the bot's token"),
        ("redirect_elsewhere", "leads to a host whose answer leads elsewhere", "", "its host's answer leads elsewhere"),
        ("strange", "leads to a host whose answer the bot cannot read", "", "its host's answer cannot be read"),
        ("too_large", "leads to a host whose answer is too large to be read", "", "its host's answer is too large"),
        ("other_forge", "belongs to a forge that this bot does not ask", "", "not asked about"),
        ("needs_rerun", "is the result of a model, which only running it again can check", "", "to be checked by another run"),
        ("ours", "cannot be looked at properly, for trouble on the bot's own side", "", "trouble on the bot's own side"),
    ),
)

_REFUSED: Final = (
    # The text of the link, or of the address it leads on to.
    *_with(
        (Seen.BLOCKED,),
        ("not_a_url", "is no link but a text", "Submit a link to the work"),
        ("scheme", "is neither http nor https", "Submit an https link"),
        ("syntax", "cannot be read as a link", "Submit the link as the browser shows it"),
        ("too_long", "is longer than 2048 characters", "Submit a shorter link to the same thing"),
        ("control_or_space", "holds a space or a control character", "Submit the link with its spaces written as %20"),
        ("backslash", "holds a backslash", "Submit the link with slashes, or with %5C"),
        (
            "non_ascii",
            "holds characters beyond ASCII",
            "Submit the link as the browser copies it: the host in punycode, the path percent-encoded",
        ),
        ("userinfo", "carries a user name in front of its host", "Submit the link without the user name"),
        ("bad_hostname", "names a host as no host can be named", "Submit the link as the browser shows it"),
        ("noncanonical_ip", "writes an address in numbers in an unusual way", "Submit a link with the name of its host"),
        ("parsers_disagree", "is read in different ways by different programs", "Submit the link as the browser shows it"),
        ("port", "leads to an unusual port", "Submit a link to the usual port"),
        ("single_label", "names a host without a domain", "Submit a link that opens from anywhere"),
        ("internal_tld", "names a host of private networks or of tests", "Submit a link that opens from anywhere"),
    ),
    # Where it leads.
    *_with(
        (Seen.BLOCKED,),
        ("private_ip", "leads to an address that is not public", "Submit a link that opens from anywhere"),
        ("private_dns", "names a host whose address is not public", "Submit a link that opens from anywhere"),
        ("own_address", "leads to the bot's own machine", "Submit a link to where the work is"),
        ("denied_host", "leads to a host that the operator keeps this bot away from", "Submit a link to another place"),
        ("denied_address", "leads to an address that the operator keeps this bot away from", "Submit a link to another place"),
        ("peer", "does not lead to the address that was looked up for it"),
    ),
    *_with(
        (Seen.SUSPICIOUS, Seen.BLOCKED),
        ("redirect_downgrade", "leads on from https to http and ends there", "Submit a link that stays with https"),
    ),
    # What could not be followed: nothing of it must not be dialled. Results of the version before call it blocked.
    *_with(
        (Seen.UNKNOWN, Seen.BLOCKED),
        ("redirect_ambiguous", "leads on to several addresses at once", "Submit the address where it should end"),
        ("too_many_redirects", "leads on too often", "Submit the address where it ends"),
        ("redirect_loop", "leads on to where it has been", "Submit a link that opens", "its host sends us in a circle"),
    ),
)

REASONS: Final[Mapping[str, Reason]] = {each.code: each for each in (*_FINE, *_WEAK, *_GONE, *_UNTOLD, *_REFUSED)}
"""Every reason by its code, the best verdicts first."""
