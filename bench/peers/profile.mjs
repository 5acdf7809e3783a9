// What every peer makes of a session: the same JSON as the service's whoami.

const text = (value) => typeof value === 'string' ? value : null

export const profile = ({ identity: { id, traits } }) => ({
  success: true,
  data: {
    id,
    email: text(traits.email),
    first_name: text(traits.first_name),
    last_name: text(traits.last_name),
    username: text(traits.username),
    authenticated: true,
  },
})

export const UNAUTHORIZED = { success: false, error: 'Invalid session', code: 'INVALID_SESSION' }
