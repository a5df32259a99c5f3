import { Address } from "../ui/address.tsx";
import type { Outcome } from "./use-invite.ts";
import "./outcomes.css";

/** What became of each of several addresses. */
export function Outcomes({ outcomes }: { outcomes: readonly Outcome[] }) {
  return (
    <ul className="outcomes" aria-label="What became of each">
      {outcomes.map(({ address, member, failure }) => (
        <li key={address}>
          <Address>{address}</Address>
          <span>{`: ${member ? "Invited." : (failure?.detail ?? "Not sent.")}`}</span>
        </li>
      ))}
    </ul>
  );
}
