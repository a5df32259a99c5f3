import "./badge.css";

interface Props {
  tone?: "plain" | "accent" | "danger";
  children: string;
}

/** A word beside a name, about what it names. */
export function Badge({ tone = "plain", children }: Props) {
  return <span className={tone === "plain" ? "badge" : `badge ${tone}`}>{children}</span>;
}
