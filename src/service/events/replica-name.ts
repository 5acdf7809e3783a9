import { hostname } from 'node:os'

const MAX_HOSTNAME = 63

/** For people who read events: the machine or pod, and the process. */
export const replicaName = (): string => `${hostname().slice(0, MAX_HOSTNAME)}.${process.pid}`
