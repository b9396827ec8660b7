/**
 * The words of shared memory by which threads agree who does what. They lie in the bytes of the memory that are never
 * handed out, at the same place in every process, on cache lines of their own where several threads write.
 */

/** The job: 48 bits that count jobs, 16 bits of how many of its parts nobody has taken. */
export const jobWord = 512
/** What the job is: four numbers, `program`, `frame`, `step`, `parts`. */
export const jobProgram = 576
export const jobFrame = 580
export const jobStep = 584
export const jobParts = 588
/** Parts that are done. */
export const doneWord = 640
/** Whether a part has trapped in a worker. */
export const failedWord = 704
/** Workers that sleep. */
export const sleepersWord = 708
/** Work, in about nanoseconds, of jobs for which nobody was woken. */
export const debtWord = 712
/** Workers that have started. */
export const readyWord = 716
/** Parts that workers have done since the pool began. */
export const servedWord = 720
/** Per thread, how many messages it has been sent. */
export const mailWords = 768
/** As many as there are words for, the main thread included. */
export const mostThreads = 64

/** From this much work on, in about nanoseconds, sleeping workers are woken: that costs about 10 µs, and takes 50. */
export const wakingWork = 500_000
/** Turns of a worker without work before it sleeps: some tenths of a millisecond. */
export const idleTurns = 400_000
/** Turns of a thread that waits for others before it asks whether it should go on; some milliseconds. */
export const waitingTurns = 4_000_000
