// One project: every file under test/, on two workers. Each file gets its own process, so that compiled
// modules, linear memory and global settings of one file cannot change the outcome of another.
import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/split-binaryen.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
}

// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from the default export
export default config
