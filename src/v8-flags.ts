import { setFlagsFromString } from 'node:v8'

// To be loaded before anything else. Where nearly all that a line of code made has once outlived a garbage collection,
// V8 makes that line's objects in the old generation from then on (Clifford and others, "Memento Mori: Dynamic
// Allocation-Site-Based Optimizations", ISMM 2015). In a server those are parts of the requests that were under way at
// that moment; later one such part of each request keeps the whole of it until the next full collection. What that
// cost is in bench/README.md.
setFlagsFromString('--no-allocation-site-pretenuring')

// Garbage of the old generation is collected in a quiet process only if what it allocated before was little for the
// time since: after a flood that takes V8 half a minute, or for ever. With this flag eight seconds are enough
// (src/heap/memory-reducer.cc of V8). It would also let the heap grow by a third at most from one full collection to
// the next, and have seven times as many of them; so by how much is said here. Figures: bench/README.md.
setFlagsFromString('--optimize-for-size')
setFlagsFromString('--heap-growing-percent=150')
