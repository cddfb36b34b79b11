"""
OpenAI's own library for Python: a streamed answer with its usage, then a tool. Nothing here knows Daybook;
only the environment does:

  pip install -r requirements.txt
  OPENAI_BASE_URL=http://127.0.0.1:3000/v1 OPENAI_API_KEY=daybook_… python chat.py AGENT "What is a loom?"
"""

import json
import sys

from openai import OpenAI

if len(sys.argv) != 3:
    sys.exit("OPENAI_BASE_URL=… OPENAI_API_KEY=… python chat.py AGENT INPUT")
model, question = sys.argv[1:]
client = OpenAI()

stream = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": question}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    if chunk.usage:
        print(f"\n{chunk.usage.prompt_tokens} + {chunk.usage.completion_tokens} tokens")

# The agent's version allows tools (`allow_tools`).
weather = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
        },
    },
}
turns = [{"role": "user", "content": "Ask weather about Oslo."}]
answer = client.chat.completions.create(model=model, messages=turns, tools=[weather])
message = answer.choices[0].message
turns.append(message)
for call in message.tool_calls or []:
    print("weather was called:", json.loads(call.function.arguments)["place"])
    turns.append({"role": "tool", "tool_call_id": call.id, "content": "Snow."})
answer = client.chat.completions.create(model=model, messages=turns, tools=[weather])
print(answer.choices[0].message.content)
