import { say } from '../words.js'
import type { Page } from '../views.js'
import { documents } from './documents.js'
import { landing } from './landing.js'

export const home: Page = {
  title: (person) => person === undefined ? say('heroTitle') : say('yourDocuments'),
  needs: 'any',
  show: (visit) => visit.person === undefined ? landing() : documents(visit),
}
