"""Certificates of changes: sealed with a step, shown again, and held against the graph as it stands."""

from __future__ import annotations

from cmdb.application.control.certifying import answer_to, hit_verdicts, question_of
from cmdb.application.opening import Application
from cmdb.changes import Change
from cmdb.changes.certificate import Answer, Question, counts_text, digest_of, pieces_of, question_in, worse_than
from cmdb.changes.record import CERTIFICATE, CERTIFIES, IMPACTS
from cmdb.changeset import Link, New, Operation, Patch, Put, Unlink
from cmdb.errors import NotFound
from cmdb.filters import Direction
from cmdb.nodes import Node, whole


def certificate_record(change: Change) -> Node:
    """A change's newest certificate. Raises NotFound where it was not assessed."""
    if change.certified is None:
        raise NotFound(f"{change.key} was not assessed", remedy=f"cmdb change assess {change.key}")
    return change.certified.node


async def certificate(application: Application, change: Change) -> tuple[Answer, bool]:
    """What a change's newest certificate says, and whether it is to the letter what was sealed. Raises NotFound."""
    record = certificate_record(change)
    answer = await answer_to(application, change.key, question_in(record), whole(record, "at_revision"))
    return answer, digest_of(answer) == record.attributes.get("content_digest")


async def worsened(application: Application, change: Change) -> tuple[str, ...] | None:
    """What of a change's impact has become worse since its certificate; None where it has none."""
    if change.certified is None:
        return None
    approved, same = await certificate(application, change)
    if not same:
        return (f"{change.certified.node.key} is not what was sealed when it is worked out again",)
    now, _ = await answer_now(application, change)
    return worse_than(approved, now)


async def answer_now(application: Application, change: Change) -> tuple[Answer, Question]:
    """What the change would break now; while it was worked out, nobody is kept from writing."""
    revision, question = await question_of(application, change)
    return await answer_to(application, change.key, question, revision), question


async def sealing(
    application: Application, change: Change, answer: Answer, question: Question
) -> tuple[Operation, ...]:
    """What seals an answer: a new certificate, and links to what is hit. O(hits). See `assessment_falls` for the old one."""
    return (*_sealed(change, answer, question), *await _impacts(application, change, answer))


def _sealed(change: Change, answer: Answer, question: Question) -> list[Operation]:
    attributes: Patch = {
        "at_revision": answer.revision,
        "model_version": answer.model,
        "content_digest": digest_of(answer),
        "sealed_question": pieces_of(question),
        "summary_counts": counts_text(answer.counts),
    }
    name = f"{change.key} at revision {answer.revision}"
    put = Put(node=New("certificate"), class_name=CERTIFICATE, name=name, attributes=attributes)
    return [put, Link(type=CERTIFIES, source=New("certificate"), target=change.node.ordinal)]


async def _impacts(application: Application, change: Change, answer: Answer) -> list[Operation]:
    """The links to what is hit, as far as they are not there already. O(hits)."""
    store, me = application.store, change.node.ordinal
    verdicts = hit_verdicts(answer)
    ordinals = await store.ordinals_of_keys(list(verdicts))
    wanted = {ordinals[key]: verdict for key, verdict in verdicts.items()}
    there = {r.target: r.attributes.get("verdict") for r in await store.relationships([me], Direction.OUT, [IMPACTS])}
    live_now = {node.ordinal for node in await store.nodes(sorted(wanted)) if not node.retired}
    new: list[Operation] = [
        Link(type=IMPACTS, source=me, target=ordinal, attributes={"verdict": verdict})
        for ordinal, verdict in wanted.items()
        if there.get(ordinal) != verdict and ordinal in live_now
    ]
    return [*new, *(Unlink(type=IMPACTS, source=me, target=ordinal) for ordinal in there.keys() - wanted.keys())]
