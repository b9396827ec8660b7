/** What stands for values that are not there. */

/** Stands for a property that an object does not have. */
export const absent: unique symbol = Symbol('absent')
/** What a variable that carries a returned value holds while nothing has been returned. */
export const unset: unique symbol = Symbol('unset')
