import { createClient, type Outcome } from 'fastify-kratos/client'
import { type FormEvent, useEffect, useState } from 'react'

const auth = createClient<{ email: string, first_name?: string }>({ baseUrl: 'https://api.example.com' })

/** Who is logged in, a password, and a second factor: the outcome says which of them to show. */
export function LogIn () {
  const [name, setName] = useState<string>()
  const [outcome, setOutcome] = useState<Outcome>()
  const [half, setHalf] = useState<Extract<Outcome, { kind: 'second_factor' }>>()
  const [isBusy, setBusy] = useState(false)

  async function look (signal?: AbortSignal): Promise<void> {
    const session = await auth.session({ signal })
    // An outage is `unknown`: whoever was here is still here.
    if (session.state === 'in') setName(session.user.traits.first_name ?? session.user.traits.email)
    if (session.state === 'out') setName(undefined)
  }

  useEffect(() => {
    const leaving = new AbortController()
    look(leaving.signal).catch(() => {})
    return () => leaving.abort()
  }, [])

  async function submit (event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    const typed = new FormData(event.currentTarget)
    const text = (field: string): string => String(typed.get(field) ?? '')
    setBusy(true)
    const next = half === undefined
      ? await auth.logIn(text('identifier'), text('password'))
      : await auth.secondFactor({ totp: text('totp_code') }, { flowId: half.flowId })
    setBusy(false)
    setOutcome(next)
    setHalf(next.kind === 'second_factor' ? next : next.kind === 'done' ? undefined : half)
    if (['done', 'already_logged_in', 'confirm_address'].includes(next.kind)) await look()
  }

  const leave = async (): Promise<unknown> => await auth.logOut() && setName(undefined)
  if (name !== undefined) return <p>Hello {name}. <button onClick={leave}>Log out</button></p>
  const errors = outcome?.kind === 'form' ? outcome.form.errors : []
  const fields = half !== undefined
    ? <label>Code <input name='totp_code' autoComplete='one-time-code' /></label>
    : (
      <>
        <label>E-mail <input name='identifier' autoComplete='username' /></label>
        <label>Password <input name='password' type='password' autoComplete='current-password' /></label>
      </>
      )
  return (
    <form onSubmit={submit}>
      {outcome?.kind === 'unavailable' && <p role='alert'>Try again in {outcome.retryAfterSeconds ?? 5} seconds.</p>}
      {errors.map(({ field, id, text }) => <p role='alert' key={`${field}-${id}`}>{text}</p>)}
      {fields}
      <button disabled={isBusy}>Log in</button>
    </form>
  )
}
