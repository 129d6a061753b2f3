-- The action "zephyr": asks Zephyr about the request at hand. On 200 the identity headers are set and the request goes on; any
-- other answer goes back to the client instead, and when there is no answer, nobody passes.
local endpoint = "http://127.0.0.1:8080/auth/forward"
local identity = { "remote-user", "remote-name", "remote-email", "remote-groups", "remote-roles" }
-- What Zephyr decides by. The body stays here.
local asked = { "cookie", "authorization", "accept", "user-agent", "sec-fetch-mode",
                "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host" }
local told = { "location", "www-authenticate", "content-type", "retry-after", "cache-control" }

-- Header values count from 0 in requests and from 1 in answers.
local function first(values)
    return values and (values[0] or values[1])
end

local function refuse(txn, status, headers, body)
    local reply = txn:reply()
    reply:set_status(status)
    for name, value in pairs(headers) do
        reply:add_header(name, value)
    end
    reply:set_body(body)
    txn:done(reply)
end

core.register_action("zephyr", { "http-req" }, function(txn)
    local sent = txn.http:req_get_headers()
    local headers = {
        ["x-forwarded-uri"] = { txn.f:pathq() },
        ["x-forwarded-method"] = { txn.f:method() },
    }
    for _, name in ipairs(asked) do
        local values = {}
        for _, value in pairs(sent[name] or {}) do
            table.insert(values, value)
        end
        if #values > 0 then
            headers[name] = values  -- all of them: Zephyr refuses what stands twice
        end
    end

    local answer = core.httpclient():get({ url = endpoint, headers = headers, timeout = 5000 })
    if not answer or answer.status == 0 then
        return refuse(txn, 503, { ["content-type"] = "text/plain" }, "Zephyr does not answer.\n")
    end
    if answer.status == 200 then
        for _, name in ipairs(identity) do
            txn.http:req_set_header(name, first(answer.headers[name]) or "")
        end
        return
    end
    local back = {}
    for _, name in ipairs(told) do
        back[name] = first(answer.headers[name])
    end
    -- 2xx is no admission unless it is 200.
    refuse(txn, answer.status < 300 and 403 or answer.status, back, answer.body or "")
end)
