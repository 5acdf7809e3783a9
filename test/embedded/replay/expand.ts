/**
 * The text behind a recorder's remark: `<n x a>`, or `<n bytes: beginning...end>` with the known parts of the body.
 * Other texts stay as they are.
 * @throws Error when the resulting body does not begin and end as the remark says
 */
export function expandRemarks (text: string, body?: { before: string, fill: string, after: string }): string {
  const repeated = /^<(\d+) x (.)>$/.exec(text)
  if (repeated !== null) return (repeated[2] ?? '').repeat(Number(repeated[1]))
  const remark = /^<(\d+) bytes: (.*)\.\.\.(.*)>$/s.exec(text)
  if (remark === null || body === undefined) return text
  const [, bytes = '', beginning = '', end = ''] = remark
  const missing = Number(bytes) - body.before.length - body.after.length
  const filling = body.fill.repeat(Math.ceil(missing / body.fill.length)).slice(0, missing)
  const whole = `${body.before}${filling}${body.after}`
  if (!whole.startsWith(beginning) || !whole.endsWith(end)) throw new Error(`the body described is not ${text}`)
  return whole
}
