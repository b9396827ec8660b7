// All programs.
import { language } from './language.ts'
import { numeric } from './numeric.ts'
import type { Program } from './program.ts'
import { sequences } from './sequences.ts'
import { training } from './training.ts'

export const programs: readonly Program[] = [...numeric, ...training, ...sequences, ...language]
