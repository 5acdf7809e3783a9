/* global location, history, CSS, addEventListener */

/**
 * Calls the service on this page's own host name: localhost and 127.0.0.1 are two sites, a cookie of one is not sent to
 * the other.
 */
const api = `${location.protocol}//${location.hostname}:${document.querySelector('meta[name=service-port]').content}`

const plainPages = {
  '/error': ['Something went wrong', 'The identity server could not finish what you asked for. Please start again.'],
  '/recovery': [
    'Recovery',
    'This small demo has no page for recovering an account. The API has: /api/auth/flows/recovery.',
  ],
  '/settings': ['Settings', 'This small demo has no settings page. The API has: /api/auth/flows/settings.'],
  '/verification': [
    'Verification',
    'This small demo has no page for confirming an address. The API has: /api/auth/flows/verification.',
  ],
}

/** Flow per form, kept while Kratos shows it again with messages. */
const flows = { login: null, registration: null }
let nextCursor = null

const byId = (id) => document.getElementById(id)

/** Always resolves: the service's envelope with `status`, which is 0 when there was no usable answer. */
async function call (method, path, body) {
  const request = {
    method,
    credentials: 'include',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(20_000),
  }
  if (body !== undefined) {
    request.headers['content-type'] = 'application/json'
    request.body = JSON.stringify(body)
  }
  try {
    const answer = await fetch(api + path, request)
    const text = await answer.text()
    return { success: answer.ok, ...(text === '' ? {} : JSON.parse(text)), status: answer.status }
  } catch {
    return { success: false, status: 0, error: 'The service cannot be reached.' }
  }
}

/** An outage says nothing about the session: the view stays, and the user may try again. */
const isOutage = ({ status }) => status === 0 || status === 429 || status >= 500

function notify (text, retry = null) {
  byId('notice-text').textContent = text
  byId('retry').hidden = retry === null
  byId('retry').onclick = retry
}

function show (id) {
  for (const section of document.querySelectorAll('main > section')) section.hidden = section.id !== id
  byId('account').hidden = id !== 'documents'
  byId(id).querySelector('h1')?.focus()
}

function showPlain (title, text) {
  byId('plain-title').textContent = title
  byId('plain-text').textContent = text
  show('plain')
}

function showSecondFactor () {
  showPlain('Second factor needed', 'This account asks for a second factor, which this small demo has no page for.')
  byId('who').textContent = ''
  byId('account').hidden = false
}

function showLoggedOut () {
  byId('list').replaceChildren()
  show(location.pathname === '/registration' ? 'registration' : 'login')
}

/** What every failed call without a form of its own comes to. */
function explain (answer, retry) {
  const error = answer.error ?? 'That did not work'
  if (isOutage(answer)) return notify(`${error.replace(/\.$/, '')}. Please try again.`, retry)
  if (answer.status !== 401) return notify(error)
  notify('Your session has ended. Please log in again.')
  showLoggedOut()
}

/** Decides by path and session what to show. */
async function start () {
  const plain = plainPages[location.pathname]
  if (plain) return showPlain(...plain)
  const answer = await call('GET', '/api/auth/whoami')
  if (answer.success) return showDocuments(answer.data)
  if (answer.status === 401) return showLoggedOut()
  if (answer.code === 'AAL2_REQUIRED') return showSecondFactor()
  byId('loading').hidden = true
  explain(answer, restart)
}

function restart () {
  notify('')
  return start()
}

function navigate (path) {
  if (path !== location.pathname) history.pushState(null, '', path + location.search)
  return restart()
}

function clearErrors (form) {
  form.querySelector('.form-error').textContent = ''
  for (const note of form.querySelectorAll('.field-error')) note.remove()
  for (const input of form.querySelectorAll('[aria-invalid]')) {
    input.removeAttribute('aria-invalid')
    input.removeAttribute('aria-describedby')
  }
}

/** Puts the text at its field; false when the form has no such field. */
function markField (form, node, text) {
  const name = CSS.escape(node)
  const input = form.querySelector(`[data-node="${name}"], [name="${name}"]`)
  if (input === null || text === '') return false
  const note = document.createElement('p')
  note.className = 'field-error'
  note.id = `${input.id}-error`
  note.textContent = text
  input.after(note)
  input.setAttribute('aria-invalid', 'true')
  input.setAttribute('aria-describedby', note.id)
  return true
}

const texts = (messages) => (messages ?? []).map(({ text }) => text).join(' ')

/** Kratos' messages (`ui`) and the service's own (`fields`), each at its field, the rest above the form. */
function showErrors (form, { ui, fields, error }) {
  const perField = [
    ...(ui?.nodes ?? []).map(({ attributes, messages }) => [attributes.name, texts(messages)]),
    ...(fields ?? []).map(({ path, message }) => [path.replace(/^\//, ''), message]),
  ].filter(([, text]) => text !== '')
  const elsewhere = perField.filter(([node, text]) => !markField(form, node, text)).map(([, text]) => text)
  const above = [texts(ui?.messages), ...elsewhere].filter((text) => text !== '')
  const nothingSaid = above.length === 0 && perField.length === 0
  form.querySelector('.form-error').textContent = nothingSaid ? error ?? 'That did not work.' : above.join(' ')
  form.querySelector('[aria-invalid]')?.focus()
}

/**
 * A form that cannot be sent twice at once. `send` gets the filled-in fields; empty ones are left out, as absent
 * traits.
 */
function onSubmit (form, send) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = form.querySelector('[type=submit]')
    if (button.disabled) return
    button.disabled = true
    clearErrors(form)
    notify('')
    await send(Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== '')))
    button.disabled = false
  })
}

async function takeFlow (kind) {
  const answer = await call('GET', `/api/auth/flows/${kind}`)
  if (!answer.success) return answer
  const csrf = answer.data.ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value
  // Empty in an API flow; a browser flow is refused without it.
  flows[kind] = { flow_id: answer.data.id, ...(csrf ? { csrf_token: csrf } : {}) }
  return answer
}

/** One submit. A flow that is gone (404) or expired (410) is taken anew, once: the user should not notice. */
async function submitFlow (kind, fields, mayRenew = true) {
  if (flows[kind] === null) {
    const taken = await takeFlow(kind)
    if (!taken.success) return taken
  }
  const answer = await call('POST', `/api/auth/flows/${kind}`, { ...flows[kind], ...fields })
  const isGone = answer.status === 404 || answer.status === 410
  if (answer.success || isGone) flows[kind] = null
  return isGone && mayRenew ? submitFlow(kind, fields, false) : answer
}

function flowForm (kind) {
  const form = byId(`${kind}-form`)
  onSubmit(form, async (fields) => {
    const answer = await submitFlow(kind, fields)
    if (isOutage(answer)) return explain(answer, null)
    if (!answer.success && answer.code !== 'SESSION_ALREADY_AVAILABLE') return showErrors(form, answer)
    form.reset()
    await navigate('/')
  })
}

function documentItem ({ id, title, content, created_at: createdAt }) {
  const item = document.createElement('li')
  const heading = Object.assign(document.createElement('h2'), { textContent: title })
  const remove = Object.assign(document.createElement('button'), {
    type: 'button',
    className: 'quiet',
    textContent: 'Delete',
  })
  remove.setAttribute('aria-label', `Delete ${title}`)
  remove.addEventListener('click', () => removeDocument(id, remove))
  const body = document.createElement('div')
  const made = Object.assign(document.createElement('small'), { textContent: new Date(createdAt).toLocaleString() })
  body.append(heading, Object.assign(document.createElement('p'), { textContent: content }), made)
  item.append(body, remove)
  return item
}

/**
 * @param cursor null for the first page, which replaces the list   @param thenSay for screen readers, once it is true
 */
async function loadDocuments (cursor = null, thenSay = '') {
  byId('more').hidden = true
  const answer = await call(
    'GET',
    `/api/documents?limit=20${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
  )
  if (!answer.success) return explain(answer, () => loadDocuments(cursor))
  const items = answer.data.documents.map(documentItem)
  if (cursor === null) byId('list').replaceChildren(...items)
  else byId('list').append(...items)
  nextCursor = answer.data.next_cursor ?? null
  byId('more').hidden = nextCursor === null
  byId('empty').hidden = byId('list').childElementCount > 0
  notify(thenSay)
}

async function showDocuments ({ email, first_name: firstName, last_name: lastName }) {
  byId('who').textContent = [firstName, lastName].filter(Boolean).join(' ') || email
  if (location.pathname !== '/') history.replaceState(null, '', '/' + location.search)
  byId('list').replaceChildren()
  show('documents')
  await loadDocuments()
}

async function addDocument (fields) {
  const form = byId('document-form')
  const answer = await call('POST', '/api/documents', { content: '', ...fields })
  if (isOutage(answer) || answer.status === 401) return explain(answer, null)
  if (!answer.success) return showErrors(form, answer)
  form.reset()
  byId('document-title').focus()
  await loadDocuments(null, `“${fields.title}” is added.`)
}

async function removeDocument (id, button) {
  button.disabled = true
  const answer = await call('DELETE', `/api/documents/${encodeURIComponent(id)}`)
  button.disabled = false
  // 404: someone deleted it before us, which is what was wanted.
  if (!answer.success && answer.status !== 404) return explain(answer, null)
  byId('documents').querySelector('h1').focus()
  await loadDocuments(null, 'The document is deleted.')
}

async function logout () {
  const answer = await call('POST', '/api/auth/logout', {})
  if (!answer.success && answer.status !== 401) return explain(answer, logout)
  history.replaceState(null, '', '/login' + location.search)
  notify('You are logged out.')
  showLoggedOut()
}

flowForm('login')
flowForm('registration')
onSubmit(byId('document-form'), addDocument)
byId('logout').addEventListener('click', logout)
byId('more').addEventListener('click', () => loadDocuments(nextCursor))
addEventListener('popstate', restart)
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="/"]')
  if (link === null || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  navigate(link.getAttribute('href'))
})

await start()
