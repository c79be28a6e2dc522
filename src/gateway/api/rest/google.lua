-- Makes what Envoy's gRPC-JSON transcoder and Envoy itself answer into what callers of Google's REST APIs expect, and keeps
-- from the gateway what is no concern of it. `gateway rest-config` puts this file into Envoy's configuration, and before it
-- two tables: PARAMETERS, by each spelling of what a request may ask for in its query, its name; and IN_PATH, the same of
-- what its path says. The transcoder would let a query say it otherwise.

-- What of a request's headers goes on; all else is left out, so that no header of HTTP becomes gRPC's own. Without
-- x-forwarded-proto, which is Envoy's, there is no route.
local PASSED = {
  ["accept"] = true, ["authorization"] = true, ["content-length"] = true, ["content-type"] = true,
  ["traceparent"] = true, ["tracestate"] = true, ["transfer-encoding"] = true, ["user-agent"] = true,
  ["x-forwarded-proto"] = true,
}
local OURS = "x-batchjobs-"

-- Google's system parameters, each also with a `$` before it. They are taken, and change nothing but the form of enums.
local SYSTEM = {
  ["alt"] = true, ["fields"] = true, ["key"] = true, ["prettyPrint"] = true, ["quotaUser"] = true, [".xgafv"] = true,
  ["uploadType"] = true, ["upload_protocol"] = true, ["userIp"] = true, ["userProject"] = true, ["xgafv"] = true,
}
local INTEGERS = "json;enum-encoding=int"
local ENUMS = "rest-enums"

local OF_GRPC = {"grpc-accept-encoding", "grpc-message", "grpc-retry-pushback-ms", "grpc-status"}

-- Answered as long as Envoy itself serves.
local READY = "/readyz"

local SLASH = ("/"):byte()

-- How a token must not be sent: addresses are written to logs.
local TOKEN = {access_token = true, oauth_token = true}

local STATUS = {
  [1] = "CANCELLED", [2] = "UNKNOWN", [3] = "INVALID_ARGUMENT", [4] = "DEADLINE_EXCEEDED", [5] = "NOT_FOUND",
  [6] = "ALREADY_EXISTS", [7] = "PERMISSION_DENIED", [8] = "RESOURCE_EXHAUSTED", [9] = "FAILED_PRECONDITION",
  [10] = "ABORTED", [11] = "OUT_OF_RANGE", [12] = "UNIMPLEMENTED", [13] = "INTERNAL", [14] = "UNAVAILABLE",
  [15] = "DATA_LOSS", [16] = "UNAUTHENTICATED",
}

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- What is wrong with one of Google's own parameters, nil where nothing is.
local function wrong_with_system(name, value)
  if TOKEN[name] then return name .. " is not taken in an address: send the header `Authorization: Bearer TOKEN`." end
  if name == "alt" and value ~= "json" and value ~= INTEGERS then
    return "The query parameter alt takes json and " .. INTEGERS .. "."
  end
end

-- What is wrong with any other, nil where nothing is. `seen` has the names of those before it.
local function wrong_with(key, seen)
  local spelled = decoded(key)
  local name = PARAMETERS[spelled]
  if IN_PATH[spelled] then
    return "The query parameter " .. IN_PATH[spelled] .. " is refused: the path alone says it. Leave the parameter out."
  elseif not name then
    return "The query parameter " .. key:sub(1, 100):gsub("[^%w%%$._-]", "?") .. " is unknown. Check its spelling."
  elseif seen[name] then
    return "The query parameter " .. name .. " is there twice. Send it once."
  end
  seen[name] = true
end

-- Counted from the end, since a pattern would begin anew at each of ten thousand slashes.
local function without_slash(address)
  local last = #address
  while last > 1 and address:byte(last) == SLASH do last = last - 1 end
  return address:sub(1, last)
end

-- The path without system parameters and without a slash at its end, which the transcoder overlooks as well, but not behind
-- `:cancel`; whether enums are wanted as numbers, and what is wrong, nil where nothing is.
local function read_query(path)
  local address, query = path:match("^([^?]*)%??(.*)$")
  address = without_slash(address)
  local kept, seen, integers = {}, {}, false
  for pair in query:gmatch("[^&]+") do
    local key, value = pair:match("^([^=]*)=?(.*)$")
    local name = decoded(key):gsub("^%$", "")
    value = decoded(value)
    local wrong = wrong_with_system(name, value)
    if not SYSTEM[name] then
      wrong = wrong or wrong_with(key, seen)
      kept[#kept + 1] = pair
    end
    if wrong then return path, false, wrong end
    integers = integers or (name == "alt" and value == INTEGERS)
  end
  return #kept > 0 and address .. "?" .. table.concat(kept, "&") or address, integers
end

function envoy_on_request(handle)
  -- What Envoy refuses before it has no words of its own (own_replies.py).
  handle:streamInfo():dynamicMetadata():set("rest", "seen", true)
  local headers = handle:headers()
  if headers:get(":path") == READY then return handle:respond({[":status"] = "200"}, "{}") end
  if (headers:get("content-encoding") or "identity"):lower() ~= "identity" then
    return handle:respond({[":status"] = "415"}, "No Content-Encoding is taken: send the body as it is.")
  end
  local others = {}
  for name in pairs(headers) do
    if name:sub(1, 1) ~= ":" and not PASSED[name] and name:sub(1, #OURS) ~= OURS then others[#others + 1] = name end
    if name:sub(-4) == "-bin" then others[#others + 1] = name end
  end
  for _, name in ipairs(others) do headers:remove(name) end
  -- Whatever curl or a form calls its body: it is read as JSON, and gRPC has no place here.
  headers:replace("content-type", "application/json")
  local path, integers, wrong = read_query(headers:get(":path"))
  if wrong then return handle:respond({[":status"] = "400"}, wrong) end
  headers:replace(":path", path)
  -- The route goes by it, and takes it off again.
  if integers then headers:add(ENUMS, "int") end
end

-- In JSON a quote inside a string follows a backslash, so these can only stand where they mean themselves.
local DETAILS = ',"details":['
local RETRY_DELAY = '"retryDelay":"([%d.]+)s"'

-- The transcoder's `google.rpc.Status` as Google sends it; nil where the body is none.
local function wrapped(http_code, body)
  local number, rest = body:match('^{"code":(%d+)(.*)}%s*$')
  local status = number and STATUS[tonumber(number)]
  if not status then return nil end
  local message, details = rest, ""
  local at = rest:find(DETAILS, 1, true)
  if at then message, details = rest:sub(1, at - 1), rest:sub(at) end
  if message == "" then message = ',"message":""' end
  return string.format('{"error":{"code":%d%s,"status":"%s"%s}}', http_code, message, status, details)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local code = tonumber(headers:get(":status"))
  headers:replace("content-type", "application/json; charset=UTF-8")
  for _, name in ipairs(OF_GRPC) do headers:remove(name) end
  if code < 400 then return end
  if code == 401 then headers:replace("www-authenticate", "Bearer") end
  local buffer = handle:body(true)
  local body = buffer:getBytes(0, buffer:length())
  local error = wrapped(code, body)
  -- What was taken from the handle before the body was waited for is no longer to be used.
  headers = handle:headers()
  if error then headers:replace("content-length", tostring(buffer:setBytes(error))) end
  local delay = body:match(RETRY_DELAY) or (code == 503 and "1")
  if delay then headers:replace("retry-after", string.format("%d", math.max(1, math.ceil(tonumber(delay))))) end
end
