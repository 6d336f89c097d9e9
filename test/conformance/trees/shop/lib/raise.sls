{{ raise("stop") }}
