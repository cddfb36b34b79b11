/** Every kind of provider that docs/providers.md shows. */
import { azure, openai } from './hosted.ts'
import { ollama, vllm } from './own-servers.ts'
import { openrouter } from './router.ts'

export { azure, ollama, openai, openrouter, vllm }
export const kinds = [openai, azure, vllm, ollama, openrouter] as const
