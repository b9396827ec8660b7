// TensorFlow.js on its plain JavaScript backend.
import '@tensorflow/tfjs-backend-cpu'
import type { Prepare } from './runner.ts'
import { prepareFor } from './tfjs.ts'

export const prepare: Prepare = prepareFor('cpu')
