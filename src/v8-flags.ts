import { setFlagsFromString } from 'node:v8'

// To be loaded before anything else. Where nearly all that a line of code made has once outlived a garbage collection,
// V8 makes that line's objects in the old generation from then on (Clifford and others, "Memento Mori: Dynamic
// Allocation-Site-Based Optimizations", ISMM 2015). In a server those are parts of the requests that were under way at
// that moment; later one such part of each request keeps the whole of it until the next full collection. What that
// cost is in bench/README.md.
setFlagsFromString('--no-allocation-site-pretenuring')
