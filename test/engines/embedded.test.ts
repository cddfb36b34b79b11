// The embedded engine keeps every contract of every port.
import { engineContract } from '../contracts/index.ts'
import { openTemporary } from '../support/embedded-engine.ts'

engineContract(openTemporary)
