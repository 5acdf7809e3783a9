/** One page of a list of which a row more was asked for. @returns its rows, and the last one where there are more */
export function pageOf<Row> (rows: readonly Row[], limit: number): { shown: Row[], last: Row | undefined } {
  const shown = rows.slice(0, limit)
  return { shown, last: rows.length > limit ? shown.at(-1) : undefined }
}
