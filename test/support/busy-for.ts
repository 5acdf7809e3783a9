/** Holds the event loop, as work of so many milliseconds does. */
export function busyFor (ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}
