import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { differencesOf, type Difference } from './compare.js'
import { CONFIGURATIONS, placesOf, type Configuration } from './configurations.js'
import { nextRun } from './run-name.js'
import type { Answer, Json, Walk } from './steps.js'
import { createWalker, type Server } from './walker.js'

export const RECORDED = join(import.meta.dirname, 'recorded')

/** A walk and what a real Kratos answers to its last step. */
export interface RecordedWalk {
  /** What the answer shows, in one sentence. */
  fact: string
  configuration: string
  steps: Walk
  answer: Answer
}

export const recordedFiles = (folder = RECORDED): string[] =>
  readdirSync(folder).filter((name) => name.endsWith('.json')).sort().map((name) => join(folder, name))

export const readWalk = (file: string): RecordedWalk => JSON.parse(readFileSync(file, 'utf8')) as RecordedWalk

/** One line for each step, so that a change of one is a change of one line. */
export function writeWalk (file: string, { fact, configuration, steps, answer }: RecordedWalk): void {
  const lines = steps.map((step) => `    ${JSON.stringify(step)}`).join(',\n')
  const head = `  "fact": ${JSON.stringify(fact)},\n  "configuration": ${JSON.stringify(configuration)}`
  const body = JSON.stringify(answer, undefined, 2).replaceAll('\n', '\n  ')
  writeFileSync(file, `{\n${head},\n  "steps": [\n${lines}\n  ],\n  "answer": ${body}\n}\n`)
}

export const configurationOf = ({ configuration }: RecordedWalk): Configuration => {
  const found = CONFIGURATIONS[configuration]
  if (found === undefined) throw new Error(`there is no configuration ${configuration}`)
  return found
}

/** What a server answers to the last step. */
export async function lastAnswer (server: Server, recorded: RecordedWalk): Promise<Answer> {
  const walker = createWalker(server, placesOf(configurationOf(recorded)))
  try {
    const answer = (await walker.walk(recorded.steps, nextRun())).at(-1)
    if (answer === undefined) throw new Error(`the walk for "${recorded.fact}" has no steps`)
    return answer
  } finally {
    await walker.close()
  }
}

/** Where a server's answer is not the recorded one. */
export async function deviations (server: Server, recorded: RecordedWalk): Promise<Difference[]> {
  const answer = await lastAnswer(server, recorded)
  return differencesOf(recorded.answer as unknown as Json, answer as unknown as Json)
}
