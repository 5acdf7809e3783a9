import { acceptedDifferences } from './replay/differences.js'
import { judge, type Verdict } from './replay/judge.js'
import { startEmbedded } from './replay/live.js'
import { loadRecordings } from './replay/load.js'
import { differenceLines, scenarioLine, staleLines, totalLine } from './replay/report.js'
import { runRecording } from './replay/run.js'
import type { NamedRecording, ScenarioResult } from './replay/types.js'

/**
 * Replays recordings against the embedded server: `node --import tsx test/embedded/replay-cli.ts [NN ...] [--verbose]`.
 * Without numbers it replays all. `--verbose` prints every difference, not only the first ones of each step; `--counts`
 * prints only counts; `--from=folder` uses other recordings of the same format.
 */
const options = process.argv.slice(2)
const limit = options.includes('--verbose') ? Infinity : options.includes('--counts') ? 0 : 3
const wanted = options.filter((option) => !option.startsWith('--'))
const folder = options.find((option) => option.startsWith('--from='))?.slice('--from='.length)
const verdicts: Verdict[] = []

// An error in the server, which runs in this process, must not end the run.
process.on('uncaughtException', (error) => {
  console.log(`  uncaught in the server: ${error.stack ?? error.message}`)
})

for (const recording of loadRecordings(wanted, folder)) {
  const result = await resultOf(recording)
  const verdict = judge(result, acceptedDifferences)
  verdicts.push(verdict)
  console.log(scenarioLine(result, verdict))
  if (limit > 0) { for (const line of differenceLines(verdict.unaccepted, limit)) console.log(line) }
  for (const line of staleLines(verdict)) console.log(line)
}
console.log(totalLine(verdicts))
process.exitCode = verdicts.every(({ unaccepted, stale }) => unaccepted.length === 0 && stale.length === 0) ? 0 : 1

/** If a scenario cannot start, all its steps count as different. */
async function resultOf (recording: NamedRecording): Promise<ScenarioResult> {
  try {
    return await runRecording(recording, startEmbedded)
  } catch (error) {
    const differences = [
      { at: 'start', recorded: 'a running server', live: error instanceof Error ? error.message : String(error) },
    ]
    return {
      name: recording.name,
      steps: recording.exchanges.map(({ step }, index) => ({ index, step, differences })),
      effects: [],
    }
  }
}
