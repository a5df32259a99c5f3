/** Rows as high as those that come, as many as the session says there are: nothing moves when they arrive. */
export function SkeletonRows({ rows, columns }: { rows: number; columns: readonly string[] }) {
  return Array.from({ length: Math.max(1, rows) }, (_, row) => (
    <tr key={row} className="skeleton-row" aria-hidden="true">
      {columns.map((className, column) => (
        <td key={column} className={className}>
          <span className="bone" />
        </td>
      ))}
    </tr>
  ));
}
