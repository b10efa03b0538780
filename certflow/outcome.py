"""The outcomes and errors that every layer shares: exit codes, words for people, and errors that are one
sentence.
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """What the command line returns to the shell; pinned, scripts rely on it."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    INTERRUPTED = 130


class Kind(enum.StrEnum):
    """What a KKT point is, in the word that a person reads."""

    MAXIMUM = "maximum"
    """Strict."""
    MINIMUM = "minimum"
    """Strict."""
    SADDLE = "saddle"
    """N takes larger and smaller values arbitrarily near."""
    DEGENERATE = "degenerate"
    """None of these is proved; always with a reason."""
    ARC = "arc"
    """An arc of the circle."""


class Status(enum.StrEnum):
    """How much of the sphere a list of KKT points decides, in the word that a person reads."""

    COMPLETE = "complete"
    """Every KKT point is one of the entries, or lies in the continuum of one."""
    PARTIAL = "partial"
    """Every entry is a KKT point, but there may be others."""


class Outcome(enum.StrEnum):
    """How the search for a theorem ended; partial: something is proved, but not where every block of weights
    goes; branches: nothing is, because the limit flow from this direction has more than one solution.
    """

    PROVED = "proved"
    PARTIAL = "partial"
    INCONCLUSIVE = "inconclusive"
    BRANCHES = "branches"


class Fate(enum.StrEnum):
    """What becomes of a block of weights in a theorem, in the word that people read.

    It turns to a KKT point where N is positive or negative, to one of a continuum, stays at the one where it
    starts (exact-start), turns to the boundary of a dead cell or to the null space of the data (fades),
    dies, or is zero from the start. One that is too slow is followed for a while only. With power 1 its
    hidden weights also come to rest where no sample activates it any more (stops), or become zero
    (vanishes); its limit flow may have several solutions (branches).
    """

    CONVERGES = "converges"
    SHRINKS = "shrinks"
    DEAD = "dead"
    CONTINUUM = "continuum"
    EXACT_START = "exact-start"
    FADES = "fades"
    ZERO = "zero"
    STOPS = "stops"
    VANISHES = "vanishes"
    FOLLOWED = "followed"
    BRANCHES = "branches"
    INCONCLUSIVE = "inconclusive"

    @property
    def decided(self) -> bool:
        """Whether it says where the block goes."""
        return self not in (Fate.FOLLOWED, Fate.BRANCHES, Fate.INCONCLUSIVE)


class CertflowError(Exception):
    """Base of all errors certflow raises on purpose; the message is one sentence for the user."""

    exit_code = ExitCode.FAILED


class BadInput(CertflowError, ValueError):
    """The input cannot be used; the sentence says what is wrong, where, and what to do about it."""

    exit_code = ExitCode.BAD_INPUT


class Inconclusive(CertflowError):
    """No statement could be established; the sentence says why and what was reached until there."""

    exit_code = ExitCode.INCONCLUSIVE


class Ambiguous(CertflowError, TypeError):
    """A yes-or-no answer was asked of a comparison that the enclosures leave undecided."""
