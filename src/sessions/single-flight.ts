import { abandon, type Errand, startErrand } from '../kratos-client/errand.js'

/** One look-up that several requests wait for. */
interface Flight<T> {
  outcome: Promise<T>
  errand: Errand
  waiting: number
  /** False once something has happened that the answer may not know of. */
  isCurrent: boolean
}

export interface Shared<T> {
  outcome: Promise<T>
  /** Whether this request began the look-up: what Kratos sent for one client, such as a cookie, is for that one. */
  isFirst: boolean
}

export interface SingleFlight<T> {
  /**
   * Joins the look-up of a key that is under way, or begins one.
   * @param errand the request's own: when its client goes it waits no longer, and with the last one the look-up ends (J24)
   * @param begin asks; `isCurrent` tells afterwards whether the answer may be kept
   */
  join: (key: string, errand: Errand | undefined, begin: (errand: Errand, isCurrent: () => boolean) => Promise<T>) => Shared<T>
  /** From now on nobody joins what is under way: it began before this moment (I07). */
  detach: () => void
}

export function createSingleFlight<T> (): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>()

  function land (key: string, flight: Flight<T>): void {
    if (flights.get(key) === flight) flights.delete(key)
  }

  function leave (key: string, flight: Flight<T>): void {
    if (--flight.waiting > 0) return
    land(key, flight)
    abandon(flight.errand)
  }

  function takeOff (key: string, begin: (errand: Errand, isCurrent: () => boolean) => Promise<T>): Flight<T> {
    const errand = startErrand()
    const outcome = begin(errand, () => flight.isCurrent).then((answer) => {
      land(key, flight)
      return answer
    }, (error: unknown) => {
      land(key, flight)
      throw error
    })
    const flight: Flight<T> = { errand, waiting: 0, isCurrent: true, outcome }
    flights.set(key, flight)
    return flight
  }

  function join (key: string, errand: Errand | undefined, begin: (errand: Errand, isCurrent: () => boolean) => Promise<T>): Shared<T> {
    const underWay = flights.get(key)
    const flight = underWay ?? takeOff(key, begin)
    flight.waiting++
    if (errand !== undefined) errand.giveUp = () => leave(key, flight)
    return { outcome: flight.outcome, isFirst: underWay === undefined }
  }

  function detach (): void {
    for (const flight of flights.values()) flight.isCurrent = false
    flights.clear()
  }

  return { join, detach }
}
