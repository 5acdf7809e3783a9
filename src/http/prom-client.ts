/** Not prom-client's own types: the plugin does not depend on it, so its declarations must not either. */
export interface PromClient {
  Counter: new (configuration: never) => object
  Gauge: new (configuration: never) => object
  Histogram: new (configuration: never) => object
  register: object
}

export interface PromRegistry {
  registerMetric: (metric: never) => void
  removeSingleMetric: (name: string) => void
}
