import "./skeleton.css";

/**
 * Rows as high as those that come, as many as the session says there are: nothing moves when they
 * arrive.
 */
export function SkeletonRows({ rows, columns }: { rows: number; columns: readonly string[] }) {
  return Array.from({ length: Math.max(1, rows) }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: rows of bones stay in their place
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row of a table takes no focus
    <tr key={row} className="skeleton-row" aria-hidden="true">
      {columns.map((className, column) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: columns stay in their place
        <td key={column} className={className}>
          <span className="bone" />
        </td>
      ))}
    </tr>
  ));
}
