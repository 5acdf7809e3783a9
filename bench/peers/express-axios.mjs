// The guard as most tutorials write it: Express, and axios with its defaults.
import axios from 'axios'
import express from 'express'
import { profile, UNAUTHORIZED } from './profile.mjs'

const { PORT, KRATOS_URL } = process.env
const app = express()

async function authenticate (request, response, next) {
  const headers = { 'X-Session-Token': request.get('x-session-token') ?? '' }
  const answer = await axios.get(`${KRATOS_URL}/sessions/whoami`, { headers, validateStatus: () => true })
  if (answer.status !== 200) return response.status(answer.status).json(UNAUTHORIZED)
  response.locals.session = answer.data
  next()
}

app.get('/api/auth/whoami', authenticate, (_request, response) => response.json(profile(response.locals.session)))
app.listen(Number(PORT), '127.0.0.1')
