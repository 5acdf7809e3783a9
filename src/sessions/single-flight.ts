import { abandon, Errand, type UnderWay } from '../kratos-client/errand.js'

/** One look-up that several requests wait for. */
class Flight<T> implements UnderWay {
  /** Its own: it outlives the request that began it. */
  readonly errand = new Errand()
  /** False once something has happened that the answer may not know of. */
  isCurrent = true
  waiting = 0
  /** Undefined once it has landed: who waits has it, and what is over should keep nothing alive. */
  outcome: Promise<T> | undefined = undefined
  readonly #flights: Map<string, Flight<T>>
  readonly #key: string

  constructor (flights: Map<string, Flight<T>>, key: string) {
    this.#flights = flights
    this.#key = key
    flights.set(key, this)
  }

  land (): void {
    this.outcome = undefined
    if (this.#flights.get(this.#key) === this) this.#flights.delete(this.#key)
  }

  /** One of those who wait has gone; with the last one the look-up ends (J24). */
  abandon (): void {
    if (--this.waiting > 0) return
    this.land()
    abandon(this.errand)
  }
}

export interface Shared<T> {
  outcome: Promise<T>
  /** Whether this request began the look-up: what Kratos sent for one client, such as a cookie, is for that one. */
  isFirst: boolean
}

/** A look-up as the one who asks sees it: whose errand it is, and afterwards whether its answer may be kept. */
export type LookUp = Readonly<Pick<Flight<unknown>, 'errand' | 'isCurrent'>>

export interface SingleFlight<T> {
  /**
   * Joins the look-up of a key that is under way, or begins one.
   * @param errand the request's own: when its client goes it waits no longer, and with the last one the look-up ends (J24)
   */
  join: (key: string, errand: Errand | undefined, begin: (lookUp: LookUp) => Promise<T>) => Shared<T>
  /** From now on nobody joins what is under way: it began before this moment (I07). */
  detach: () => void
}

export function createSingleFlight<T> (): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>()

  function takeOff (flight: Flight<T>, begin: (lookUp: LookUp) => Promise<T>): Promise<T> {
    return begin(flight).then((answer) => {
      flight.land()
      return answer
    }, (error: unknown) => {
      flight.land()
      throw error
    })
  }

  function join (key: string, errand: Errand | undefined, begin: (lookUp: LookUp) => Promise<T>): Shared<T> {
    const underWay = flights.get(key)
    const flight = underWay ?? new Flight<T>(flights, key)
    const outcome = flight.outcome ??= takeOff(flight, begin)
    flight.waiting++
    if (errand !== undefined) errand.underWay = flight
    return { outcome, isFirst: underWay === undefined }
  }

  function detach (): void {
    for (const flight of flights.values()) flight.isCurrent = false
    flights.clear()
  }

  return { join, detach }
}
