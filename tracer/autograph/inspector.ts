/**
 * The scope of a function that exists, by Node's inspector.
 *
 * A breakpoint is set on every position of the function's first statement, with a condition that makes a thunk
 * `s => eval(s)` and then ends the execution. The condition is evaluated in the function's frame, so the thunk sees what
 * the function sees: variables to read and to write, imports, `this` of arrows, private names. Then the function is called.
 * It gets to its first statement and no further: termination unwinds to the request that made the call, and neither
 * `catch` nor `finally` runs on the way. Nothing pauses, so a debugger that is attached notices nothing.
 *
 * The arguments of that call are a proxy that gives itself for whatever is asked, so that destructuring comes through and
 * no default is computed.
 */
import type { NamesOf, Scope, ScopeFinder, ScopeOf } from './convert.ts'
import {
  globalOf,
  InspectorSession,
  type Location,
  OutOfReach,
  reasonOf,
  type Remote,
} from './inspector-session.ts'
import { parametersStart, type Place, placeOf, TextInScript } from './places.ts'
import type { FunctionSource } from './source.ts'
import { type Range, stretchesToStopIn } from './stops.ts'

type Callback = (...args: never[]) => unknown

/** What a name means in the scope of a function. */
export interface Found {
  readonly value: unknown
}

interface Property {
  readonly name: string
  readonly value?: Remote
}

let session: InspectorSession | undefined
/** Why there is no inspector; it will not come. */
let refusal: OutOfReach | undefined

function opened(): InspectorSession {
  if (refusal !== undefined) throw refusal
  if (session !== undefined) return session
  try {
    session = new InspectorSession()
  } catch (error) {
    throw (refusal = error instanceof OutOfReach ? error : new OutOfReach(reasonOf(error)))
  }
  return session
}

/** Ends the session in use; the next request begins another. */
export function closeInspector(): void {
  session?.close()
  session = undefined
}

/** What the engine keeps of a function. */
interface Internals {
  readonly location: Location
  /** The inspector's name for the scopes it can reach. */
  readonly scopes: string | undefined
}

/** Throws OutOfReach where no code belongs to the function. */
function internalsOf(fn: object): Internals {
  const inspector = opened()
  inspector.stash.value = fn
  const { objectId } = inspector.evaluate(`${inspector.stashName}.value`)
  inspector.stash.value = undefined
  const { internalProperties = [] } = inspector.post<{ readonly internalProperties?: readonly Property[] }>(
    'Runtime.getProperties',
    { objectId, ownProperties: true },
  )
  const find = (key: string): Remote | undefined => internalProperties.find(({ name }) => name === key)?.value
  const location = find('[[FunctionLocation]]')?.value
  if (location === undefined) throw new OutOfReach('it is bound, or no code of this program')
  return { location: location as Location, scopes: find('[[Scopes]]')?.objectId }
}

/** A scope as V8 shows it: the variables in it, as they are now. */
interface ShownScope {
  readonly description?: string
  readonly object?: object
}

/** The scopes a function can reach, innermost first. */
function scopesOf(fn: Callback): readonly ShownScope[] {
  const inspector = opened()
  const { scopes: objectId } = internalsOf(fn)
  if (objectId === undefined) return []
  const self = inspector.evaluate(inspector.stashName)
  inspector.post('Runtime.callFunctionOn', {
    objectId,
    functionDeclaration: 'function (stash) { stash.scopes = this }',
    arguments: [{ objectId: self.objectId }],
  })
  const { scopes } = inspector.stash
  Reflect.deleteProperty(inspector.stash, 'scopes')
  return Array.from(scopes as ArrayLike<ShownScope>)
}

/** What names mean in the scope of a function, as they are now; undefined where that cannot be told. */
function scopeOf(fn: Callback): (name: string) => Found | undefined {
  let scopes: readonly ShownScope[] = []
  try {
    scopes = scopesOf(fn)
  } catch {
    // Then nothing is known.
  }
  return (name) => {
    for (const { object } of scopes)
      try {
        if (object !== undefined && name in object) return { value: Reflect.get(object, name) }
      } catch {
        // Not initialized yet.
        return undefined
      }
    return undefined
  }
}

function scriptText({ text, fn }: FunctionSource, { lineNumber, columnNumber }: Location): TextInScript {
  return new TextInScript(
    text,
    parametersStart(text, fn.type === 'ArrowFunctionExpression'),
    lineNumber,
    columnNumber,
  )
}

/**
 * Where a function is written, as far as that can be told without the debugger.
 *
 * @param url the script, if that is known
 */
function placeIn(fn: Callback, source: FunctionSource, url?: string): Place | undefined {
  try {
    return placeAt(internalsOf(fn).location, source, url)
  } catch {
    return undefined
  }
}

/** Where a function is written, also when only the debugger can tell. */
function findPlace(fn: Callback, source: FunctionSource): Place | undefined {
  try {
    const { location } = internalsOf(fn)
    const found = placeAt(location, source)
    if (found !== undefined) return found
    opened().debug()
    return placeAt(location, source)
  } catch {
    return undefined
  }
}

function placeAt(location: Location, source: FunctionSource, url?: string): Place | undefined {
  const script = opened().scriptOf(location.scriptId)
  const name = script?.url ?? url
  return name === undefined || name === ''
    ? undefined
    : placeOf(scriptText(source, location), name, script?.sourceMapURL)
}

/** True for functions of packages. */
function isForeign({ url }: Place): boolean {
  return /[\\/]node_modules[\\/]/.test(url)
}

/** Thunks of modules, with the names that mean something else in them: those of the function they were got from. */
interface ModuleScope {
  readonly scope: Scope
  readonly taken: ReadonlySet<string>
}
const moduleScopes = new Map<string, ModuleScope>()

/**
 * `s => eval(s)`, as if it stood in a function. Throws OutOfReach where that is impossible.
 *
 * What one function at the top of a module has given serves the others there.
 */
function thunkOf(fn: Callback, source: FunctionSource, names: NamesOf): ScopeOf {
  const { location, scopes } = internalsOf(fn)
  const known = moduleScopes.get(location.scriptId)
  if (
    known !== undefined &&
    names.isIndependent &&
    names.free.every((name) => !known.taken.has(name)) &&
    isAtTop(scopes)
  )
    return { scope: known.scope, place: placeAt(location, source) }
  const stretches = stretchesToStopIn(source)
  if (typeof stretches === 'string') throw new OutOfReach(stretches)
  const inspector = opened()
  inspector.debug()
  const place = placeAt(location, source)
  if (place !== undefined && isForeign(place)) throw new OutOfReach('it belongs to a package')
  const scope = stopAndThink(inspector, fn, source.fn.params.length, () =>
    stops(inspector, location, scriptText(source, location), stretches),
  )
  if (isAtTop(scopes)) moduleScopes.set(location.scriptId, { scope, taken: new Set(names.own) })
  return { scope, place }
}

/** True for functions whose variables are those of their module. */
function isAtTop(scopes: string | undefined): boolean {
  if (scopes === undefined) return false
  const { result } = opened().post<{ readonly result: Remote }>('Runtime.callFunctionOn', {
    objectId: scopes,
    functionDeclaration: "function () { return this.length === 2 && this[0].description === 'Module' }",
    returnByValue: true,
  })
  return result.value === true
}

/** Calls a function that stops at one of the positions, and makes the thunk there. */
function stopAndThink(
  inspector: InspectorSession,
  fn: Callback,
  parameters: number,
  positions: () => readonly Location[],
): Scope {
  const { stash, stashName } = inspector
  const global = globalOf(fn)
  const breakpoints: string[] = []
  try {
    inspector.expose(global)
    const condition = `(() => { ${stashName}.scope = ($code) => eval($code); ${stashName}.abort(); return false })()`
    for (const location of positions())
      breakpoints.push(
        inspector.post<{ readonly breakpointId: string }>('Debugger.setBreakpoint', { location, condition })
          .breakpointId,
      )
    stash.run = () =>
      void Reflect.apply(
        fn,
        anything,
        Array.from({ length: parameters }, () => anything),
      )
    stash.abort = () => inspector.post('Runtime.terminateExecution')
    if (breakpoints.length > 0) inspector.runToTermination(`${stashName}.run()`)
    if (stash.scope === undefined) throw new OutOfReach('its first statement is none to stop at')
    return stash.scope
  } finally {
    for (const breakpointId of breakpoints) inspector.post('Debugger.removeBreakpoint', { breakpointId })
    inspector.hide(global)
    for (const key of Object.keys(stash)) Reflect.deleteProperty(stash, key)
  }
}

/** Where the engine can stop in a stretch of a function's text. */
function stops(
  inspector: InspectorSession,
  start: Location,
  text: TextInScript,
  candidates: readonly Range[],
): readonly Location[] {
  const last = candidates.at(-1)
  if (last === undefined) return []
  const { line, column } = text.inScript(last.end)
  const { locations } = inspector.post<{ readonly locations: readonly Location[] }>(
    'Debugger.getPossibleBreakpoints',
    {
      start,
      end: { scriptId: start.scriptId, lineNumber: line, columnNumber: column },
      restrictToFunction: true,
    },
  )
  for (const { start: from, end } of candidates) {
    const inside = locations.filter(({ lineNumber, columnNumber }) => {
      const offset = text.inText(lineNumber, columnNumber)
      return offset >= from && offset < end
    })
    if (inside.length > 0) return inside
  }
  return []
}

/** An argument that can be taken apart without end. */
const anything: object = new Proxy(function () {}, {
  get: (_target, key) => {
    if (key === Symbol.iterator)
      return function* (): Generator {
        while (true) yield anything
      }
    return key === Symbol.toPrimitive ? () => 0 : anything
  },
  has: () => true,
  apply: () => anything,
  construct: () => anything,
})

/** The scope of functions, by the inspector. */
export const inspectorFinder: ScopeFinder = {
  scopeOf,
  place: placeIn,
  findPlace,
  thunkOf,
}
