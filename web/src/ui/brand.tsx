import { useSettings } from "../settings.ts";
import "./brand.css";

export function Brand() {
  const { productName } = useSettings();
  return (
    <span className="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="9" />
        <g>
          <circle cx="12.2" cy="16" r="4.2" />
          <path d="M16.4 16H25v4M21 16v3" />
        </g>
      </svg>
      <span className="brand-name">{productName}</span>
    </span>
  );
}
