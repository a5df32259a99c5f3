import { useId, useState } from "react";
import type { EventKind } from "../api/calls.ts";
import { Button } from "../ui/button.tsx";
import { Section } from "../ui/section.tsx";
import { SelectField } from "../ui/select-field.tsx";
import { Events } from "./events.tsx";
import { KINDS } from "./words.ts";
import "../ui/table.css";
import "./activity.css";

const EVERYTHING = "Everything";

/** What each choice asks for. */
const CHOICES = new Map<string, EventKind | null>([
  [EVERYTHING, null],
  ...Object.entries(KINDS).map(([kind, word]): [string, EventKind] => [word, kind as EventKind]),
]);

/** Rendered for admins only. Closed, and not fetched, until somebody opens it. */
export function ActivitySection() {
  const contentId = useId();
  const [open, setOpen] = useState(false);
  const [choice, setChoice] = useState(EVERYTHING);
  return (
    <Section
      id="activity"
      title="Activity"
      action={
        <Button
          aria-expanded={open}
          aria-controls={open ? contentId : undefined}
          // The second half of a double click does not close it again.
          onClick={({ detail }) => detail < 2 && setOpen(!open)}
        >
          {open ? "Hide activity" : "Show activity"}
        </Button>
      }
    >
      {open ? (
        <div id={contentId}>
          <div className="events-filter">
            <SelectField
              label="Show"
              help={null}
              options={[...CHOICES.keys()]}
              value={choice}
              onChange={setChoice}
            />
          </div>
          <Events key={choice} kind={CHOICES.get(choice) ?? null} />
        </div>
      ) : (
        <p className="section-note">Who did what in this account.</p>
      )}
    </Section>
  );
}
