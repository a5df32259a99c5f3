import type { TrailEvent } from "../api/calls.ts";
import { Address } from "../ui/address.tsx";
import { Minute } from "../ui/when.tsx";
import { whatWasDone } from "./words.ts";

/** An event as a sentence, with when it was. */
export function EventRow({ event, asOf }: { event: TrailEvent; asOf: number }) {
  return (
    <li>
      <p>
        <Actor actor={event.actor} />
        <span>{` ${whatWasDone(event)}`}</span>
        <Subject event={event} />
      </p>
      <Minute at={event.at} now={asOf} />
    </li>
  );
}

function Actor({ actor }: Pick<TrailEvent, "actor">) {
  if (actor === null) return <b>The system</b>;
  if ("operator" in actor) return <b>{actor.by ? `The provider (${actor.by})` : "The provider"}</b>;
  if (actor.you) return <b>You</b>;
  if (!actor.email) return <b>A former member</b>;
  return (
    <b>
      <Address>{actor.email}</Address>
    </b>
  );
}

/** What it was called then. Of the Sandbox and the account there is one, and who left is told. */
function Subject({ event: { action, kind, subject } }: { event: TrailEvent }) {
  if (!subject || kind === "sandbox" || kind === "account" || action === "member_left") return null;
  const { label } = subject;
  if (subject.kind === "key")
    return <b translate="no">{label ? ` “${label}”` : ` ${subject.id}`}</b>;
  if (subject.kind === "session") return label && <span>{` ${label}`}</span>;
  if (!label) return <span> a former member</span>;
  return (
    <b>
      <span> </span>
      <Address>{label}</Address>
    </b>
  );
}
